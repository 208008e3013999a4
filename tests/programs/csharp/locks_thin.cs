// Locks that compiled code takes and gives back by itself, and every way in which it must leave that to the VM.
using System;
using System.Threading;

class Gate
{
    public int Count;
    public long Sum;
}

static class LocksThin
{
    static string Try(Action action)
    {
        try { action(); return "nothing"; }
        catch (Exception e) { return e.GetType().Name; }
    }

    // Deeper than a thin lock counts.
    static int Deep(object o, int depth)
    {
        lock (o) return depth == 0 ? (Monitor.IsEntered(o) ? 1 : -1) : Deep(o, depth - 1) + 1;
    }

    static void ThrowsAt(object o, int depth)
    {
        lock (o)
        {
            if (depth == 0) throw new InvalidOperationException();
            ThrowsAt(o, depth - 1);
        }
    }

    static bool HeldByOther(object o)
    {
        bool free = false;
        Thread other = new Thread(delegate() {
            free = Monitor.TryEnter(o, 0);
            if (free) Monitor.Exit(o);
        });
        other.Start();
        other.Join();
        return !free;
    }

    static void Nulls()
    {
        object none = null;
        bool taken = false;
        Console.WriteLine(Try(delegate { lock (none) Console.WriteLine("not here"); }));
        Console.WriteLine(Try(delegate { Monitor.Enter(none); }));
        Console.WriteLine(Try(delegate { Monitor.Exit(none); }));
        Console.WriteLine(Try(delegate { Monitor.Enter(none, ref taken); }) + " " + taken);
    }

    static void Ownership()
    {
        object o = new object();
        Console.WriteLine(Try(delegate { Monitor.Exit(o); }));
        bool taken = false;
        Monitor.Enter(o, ref taken);
        Console.WriteLine(taken + " " + Try(delegate { Monitor.Enter(o, ref taken); }) + " " + HeldByOther(o));
        Monitor.Exit(o);
        Console.WriteLine(HeldByOther(o) + " " + Try(delegate { Monitor.Exit(o); }));
        Thread holder = new Thread(delegate() { Monitor.Enter(o); });
        holder.Start();
        holder.Join();
        Console.WriteLine(Try(delegate { Monitor.Exit(o); }));
    }

    static void Hashes()
    {
        object before = new object(), within = new object();
        int hash = before.GetHashCode();
        lock (before) lock (before) Console.WriteLine(before.GetHashCode() == hash && HeldByOther(before));
        Console.WriteLine(before.GetHashCode() == hash && !HeldByOther(before));
        lock (within)
        {
            hash = within.GetHashCode();
            lock (within) Console.WriteLine(within.GetHashCode() == hash);
        }
        lock (within) Console.WriteLine(within.GetHashCode() == hash && HeldByOther(within));
        Console.WriteLine(HeldByOther(within));
    }

    static void Depths()
    {
        object o = new object();
        foreach (int depth in new[] { 1, 1021, 1022, 1023, 1024, 3000 })
        {
            Console.Write(Deep(o, depth) + " " + HeldByOther(o) + " ");
            Console.WriteLine(Try(delegate { ThrowsAt(o, depth); }) + " " + HeldByOther(o));
        }
    }

    static void Add(Gate gate, int n)
    {
        for (int i = 0; i < n; i++)
        {
            lock (gate)
            {
                int seen = gate.Count;
                lock (gate) gate.Sum += i;
                gate.Count = seen + 1;
            }
        }
    }

    static void Contended()
    {
        Gate gate = new Gate();
        Add(gate, 5000);
        Thread[] threads = new Thread[4];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(delegate() { Add(gate, 5000); });
            threads[i].Start();
        }
        Add(gate, 5000);
        foreach (Thread thread in threads) thread.Join();
        Add(gate, 5000);
        Console.WriteLine(gate.Count + " " + gate.Sum);
    }

    // What another thread wrote under the lock is seen under it, however the lock changed its form meanwhile.
    static void Handover()
    {
        Gate gate = new Gate();
        Thread other = new Thread(delegate() {
            for (int i = 0; i < 300; i++)
            {
                lock (gate)
                {
                    while (gate.Count % 2 == 0) Monitor.Wait(gate);
                    gate.Sum += gate.Count++;
                    Monitor.PulseAll(gate);
                }
            }
        });
        other.Start();
        for (int i = 0; i < 300; i++)
        {
            lock (gate)
            {
                while (gate.Count % 2 == 1) Monitor.Wait(gate);
                gate.Sum += 1000 * gate.Count++;
                Monitor.PulseAll(gate);
            }
        }
        other.Join();
        Console.WriteLine(gate.Count + " " + gate.Sum);
    }

    static void Main()
    {
        Nulls();
        Ownership();
        Hashes();
        Depths();
        Contended();
        Handover();
    }
}
