// More work than the pool has workers, of items that outlast a worker's turn: no request may get lost.
using System;
using System.Threading;

class LateThreadPool
{
    static int done;

    static void Round(int items, int milliseconds)
    {
        done = 0;
        var over = new ManualResetEvent(false);
        for (int i = 0; i < items; i++)
            ThreadPool.QueueUserWorkItem(state =>
            {
                Thread.Sleep(milliseconds);
                if (Interlocked.Increment(ref done) == items) over.Set();
            });
        Console.WriteLine(over.WaitOne(60000) + " " + done);
    }

    static void Main()
    {
        Round(150, 40);
        Round(20, 0);
        Round(100, 1);
        Console.WriteLine(Thread.CurrentThread.IsThreadPoolThread);
    }
}
