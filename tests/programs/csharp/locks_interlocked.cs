using System;
using System.Threading;

class LocksInterlocked
{
    static int counter;
    static long wide;
    static object shared = "first";
    static readonly object gate = new object();
    static volatile int flag;
    double real = 1.5;

    static int Locked(int depth)
    {
        lock (gate)
        {
            counter++;
            return depth == 0 ? counter : Locked(depth - 1) + 1;
        }
    }

    static int ThrowsInLock()
    {
        try
        {
            lock (gate)
            {
                lock (shared)
                {
                    throw new InvalidOperationException();
                }
            }
        }
        catch (InvalidOperationException) { return Monitor.IsEntered(gate) ? 1 : 0; }
    }

    static int ReturnFromLock(bool early)
    {
        lock (gate)
        {
            if (early) return 1;
            for (int i = 0; i < 3; i++)
                lock (gate)
                {
                    if (i == 1) continue;
                    counter += 100;
                }
        }
        return 2;
    }

    static void Main()
    {
        Console.WriteLine(Interlocked.Increment(ref counter) + " " + Interlocked.Increment(ref counter) + " " + Interlocked.Decrement(ref counter));
        Console.WriteLine(Interlocked.Add(ref counter, 41) + " " + counter);
        Console.WriteLine(Interlocked.Exchange(ref counter, 7) + " " + counter);
        Console.WriteLine(Interlocked.CompareExchange(ref counter, 8, 7) + " " + counter);
        Console.WriteLine(Interlocked.CompareExchange(ref counter, 9, 7) + " " + counter);
        Console.WriteLine(Interlocked.Increment(ref wide) + " " + Interlocked.Add(ref wide, 1L << 40) + " " + Interlocked.Decrement(ref wide));
        Console.WriteLine(Interlocked.Exchange(ref wide, -1) + " " + Interlocked.CompareExchange(ref wide, 5, -1) + " " + Interlocked.Read(ref wide));
        object old = Interlocked.Exchange(ref shared, "second");
        Console.WriteLine(old + " " + shared);
        object two = shared;
        Console.WriteLine(ReferenceEquals(Interlocked.CompareExchange(ref shared, "third", two), two) + " " + shared);
        Console.WriteLine(ReferenceEquals(Interlocked.CompareExchange(ref shared, "fourth", two), shared) + " " + shared);
        string text = "a";
        Console.WriteLine(Interlocked.CompareExchange<string>(ref text, "b", "z") + text + Interlocked.Exchange<string>(ref text, "c") + text);
        int[] array = { 1, 2, 3 };
        Interlocked.Add(ref array[1], 50);
        Console.WriteLine(array[1]);
        var me = new LocksInterlocked();
        Console.WriteLine((int)(Interlocked.Exchange(ref me.real, 2.5) * 10) + " " + (int)(me.real * 10));

        counter = 0;
        Console.WriteLine(Locked(20) + " " + counter);
        Console.WriteLine(ThrowsInLock());
        Console.WriteLine(ReturnFromLock(true) + " " + ReturnFromLock(false) + " " + counter + " " + Monitor.IsEntered(gate));
        try { lock ((object)null) Console.WriteLine("never"); }
        catch (ArgumentNullException) { Console.WriteLine("no lock on null"); }
        try { Monitor.Exit(gate); Console.WriteLine("never"); }
        catch (SynchronizationLockException) { Console.WriteLine("not locked"); }
        bool taken = false;
        Monitor.TryEnter(gate, ref taken);
        Console.WriteLine(taken + " " + Monitor.IsEntered(gate));
        Monitor.Exit(gate);
        int hash = gate.GetHashCode();
        lock (gate) Console.WriteLine(hash == gate.GetHashCode());
        Console.WriteLine(hash == gate.GetHashCode());

        flag = 3;
        Volatile.Write(ref counter, 77);
        Thread.MemoryBarrier();
        Console.WriteLine(flag + Volatile.Read(ref counter));
        var locks = new object[1000];
        int sum = 0;
        for (int i = 0; i < locks.Length; i++)
        {
            locks[i] = new object();
            lock (locks[i]) lock (locks[i / 2]) sum += i;
        }
        Console.WriteLine(sum);
    }
}
