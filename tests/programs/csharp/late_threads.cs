using System;
using System.Threading;

class LateThreads
{
    static int shared, atomic;
    static readonly object gate = new object();
    [ThreadStatic] static int own;
    static volatile bool stop;

    static void Work()
    {
        for (int i = 0; i < 2000; i++)
        {
            lock (gate) shared++;
            Interlocked.Increment(ref atomic);
            own++;
            var garbage = new int[i % 50];
        }
        if (own != 2000) Console.WriteLine("own is " + own);
    }

    static void Main()
    {
        var threads = new Thread[4];
        for (int i = 0; i < threads.Length; i++) { threads[i] = new Thread(Work); threads[i].Start(); }
        foreach (Thread t in threads) t.Join();
        Console.WriteLine(shared + " " + atomic + " " + own);

        var queue = new System.Collections.Generic.Queue<int>();
        long sum = 0;
        var consumer = new Thread(() =>
        {
            while (true)
            {
                int x;
                lock (gate)
                {
                    while (queue.Count == 0) Monitor.Wait(gate);
                    x = queue.Dequeue();
                }
                if (x < 0) return;
                sum += x;
            }
        });
        consumer.Start();
        for (int i = 1; i <= 1000; i++) lock (gate) { queue.Enqueue(i); Monitor.Pulse(gate); }
        lock (gate) { queue.Enqueue(-1); Monitor.PulseAll(gate); }
        consumer.Join();
        Console.WriteLine(sum);

        var ready = new ManualResetEvent(false);
        var parameter = new Thread(o => { shared = (int)o; ready.Set(); });
        parameter.Start(77);
        ready.WaitOne();
        parameter.Join();
        Console.WriteLine(shared);
        var spinner = new Thread(() => { int n = 0; while (!stop) n++; });
        spinner.Start();
        GC.Collect();
        stop = true;
        spinner.Join();
        Console.WriteLine(Thread.CurrentThread.IsAlive + " " + spinner.IsAlive + " " + parameter.ThreadState);
        int failures = 0;
        var failing = new Thread(() => { try { throw new Exception("in thread"); } catch (Exception) { failures++; } });
        failing.Start();
        failing.Join();
        using (var done = new CountdownEvent(10))
        {
            for (int i = 0; i < 10; i++) ThreadPool.QueueUserWorkItem(_ => { Interlocked.Increment(ref failures); done.Signal(); });
            done.Wait();
        }
        Console.WriteLine(failures);
    }
}
