// Objects that are hashed and locked have monitors; those of dead objects serve others, as if they were new.
using System;
using System.Runtime.CompilerServices;
using System.Threading;

class Late
{
    public static int wrong, seen;
    readonly int hash;
    public Late() { hash = RuntimeHelpers.GetHashCode(this); lock (this) { } }
    // The object comes back for this: its monitor must still be its own.
    ~Late()
    {
        lock (this)
        {
            if (RuntimeHelpers.GetHashCode(this) != hash) wrong++;
        }
        Interlocked.Increment(ref seen);
    }
}

static class Program
{
    static int held, changed, pulses;

    static void Round(int n)
    {
        object o = new object();
        int hash = RuntimeHelpers.GetHashCode(o);
        if (Monitor.IsEntered(o)) held++;
        lock (o)
        {
            if (RuntimeHelpers.GetHashCode(o) != hash) changed++;
            lock (o) if (!Monitor.IsEntered(o)) held++;
        }
        // It dies locked, or while the only one who knows it waits in it.
        if (n % 7 == 0) Monitor.Enter(o);
        else if (n % 1000 == 1) { Monitor.Enter(o); o = Forget(o); }
    }

    static object Forget(object o) { Monitor.Wait(o, 1); return null; }

    static void Many(int count)
    {
        for (int i = 0; i < count; i++) Round(i);
    }

    // Two threads hand a token to each other by a fresh monitor each time.
    static void Talk(int count)
    {
        for (int i = 0; i < count; i++)
        {
            object gate = new object();
            bool said = false;
            var other = new Thread(() => { lock (gate) { said = true; Monitor.Pulse(gate); } });
            lock (gate)
            {
                other.Start();
                while (!said) Monitor.Wait(gate);
                pulses++;
            }
            other.Join();
            Many(2000);
        }
    }

    static void MakeLate() { for (int i = 0; i < 2000; i++) new Late(); }

    static int Main()
    {
        object kept = new object();
        int hash = RuntimeHelpers.GetHashCode(kept);
        lock (kept) { }
        var threads = new Thread[3];
        for (int i = 0; i < threads.Length; i++) (threads[i] = new Thread(() => Many(40000))).Start();
        for (int i = 0; i < 5; i++)
        {
            MakeLate();
            GC.Collect();
            Many(5000);
        }
        Talk(20);
        foreach (var t in threads) t.Join();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Console.WriteLine("held by nobody {0}, hash codes changed {1}, pulses {2}", held, changed, pulses);
        Console.WriteLine("finalized {0}, with another hash code {1}", Late.seen > 9000, Late.wrong);
        Console.WriteLine(RuntimeHelpers.GetHashCode(kept) == hash);
        return 0;
    }
}
