// Litmus tests of the memory model: what two threads may not see, whatever the processor and the compilers reorder.
using System;
using System.Diagnostics;
using System.Threading;

class Cell { public int a, b; public readonly int c; public Cell next; public Cell(int n) { a = n; b = n; c = n; } }

static class MemoryModel
{
    // So many rounds, or as many as there is time for: on a busy machine each costs turns of other processes.
    const int Rounds = 6000, Milliseconds = 1000;
    static int x, y, r1, r2, plain;
    static volatile int flag;
    static volatile Cell published;
    static Cell quiet;
    static long wide;
    static int turn0, turn1, victim, inside, counter, taken;

    // Both threads run their halves of each round at about the same time; `check` runs when both are through.
    static int Race(int rounds, Action reset, Action first, Action second, Func<bool> wrong)
    {
        int bad = 0, at0 = 0, at1 = 0, last = rounds;
        var watch = Stopwatch.StartNew();
        Action<Action, bool> loop = (half, leads) =>
        {
            for (int i = 1; i <= Volatile.Read(ref last); i++)
            {
                if (leads)
                {
                    if (i > 1 && wrong()) bad++;
                    reset();
                    if (watch.ElapsedMilliseconds > Milliseconds) Volatile.Write(ref last, i);
                    Volatile.Write(ref at0, i);
                }
                else
                    for (int spins = 0; Volatile.Read(ref at0) < i; spins++) if (spins > 200) Thread.Yield();
                half();
                if (leads)
                    for (int spins = 0; Volatile.Read(ref at1) < i; spins++) { if (spins > 200) Thread.Yield(); }
                else
                    Volatile.Write(ref at1, i);
            }
            if (leads && wrong()) bad++;
        };
        var other = new Thread(() => loop(second, false));
        other.Start();
        loop(first, true);
        other.Join();
        return bad;
    }

    static void Peterson(bool zero)
    {
        var watch = Stopwatch.StartNew();
        int i = 0;
        for (; i < Rounds && watch.ElapsedMilliseconds <= Milliseconds; i++)
        {
            if (zero) Volatile.Write(ref turn0, 1); else Volatile.Write(ref turn1, 1);
            Volatile.Write(ref victim, zero ? 0 : 1);
            Thread.MemoryBarrier();
            if (zero)
                for (int spins = 0; Volatile.Read(ref turn1) == 1 && Volatile.Read(ref victim) == 0; spins++) { if (spins > 100) Thread.Yield(); }
            else
                for (int spins = 0; Volatile.Read(ref turn0) == 1 && Volatile.Read(ref victim) == 1; spins++) { if (spins > 100) Thread.Yield(); }
            if (++inside != 1) counter = -1000000;
            counter++;
            inside--;
            if (zero) Volatile.Write(ref turn0, 0); else Volatile.Write(ref turn1, 0);
        }
        Interlocked.Add(ref taken, i);
    }

    static void Main()
    {
        Console.WriteLine("store buffers, exchange: " + Race(Rounds, () => { x = y = r1 = r2 = 0; },
            () => { Interlocked.Exchange(ref x, 1); r1 = Volatile.Read(ref y); },
            () => { Interlocked.Exchange(ref y, 1); r2 = Volatile.Read(ref x); }, () => r1 == 0 && r2 == 0));
        Console.WriteLine("store buffers, barrier: " + Race(Rounds, () => { x = y = r1 = r2 = 0; },
            () => { x = 1; Thread.MemoryBarrier(); r1 = y; },
            () => { y = 1; Interlocked.MemoryBarrier(); r2 = x; }, () => r1 == 0 && r2 == 0));
        Console.WriteLine("store buffers, compare and exchange: " + Race(Rounds, () => { x = y = r1 = r2 = plain = 0; },
            () => { Volatile.Write(ref x, 1); Interlocked.CompareExchange(ref plain, 5, 9); r1 = Volatile.Read(ref y); },
            () => { Volatile.Write(ref y, 1); Interlocked.Add(ref plain, 0); r2 = Volatile.Read(ref x); }, () => r1 == 0 && r2 == 0));
        Console.WriteLine("message passing: " + Race(Rounds, () => { plain = 0; flag = 0; r1 = r2 = 0; },
            () => { plain = 42; flag = 1; },
            () => { r1 = flag; r2 = plain; }, () => r1 == 1 && r2 != 42));
        Console.WriteLine("load buffering: " + Race(Rounds, () => { x = y = r1 = r2 = 0; },
            () => { r1 = Volatile.Read(ref x); Volatile.Write(ref y, 1); },
            () => { r2 = Volatile.Read(ref y); Volatile.Write(ref x, 1); }, () => r1 == 1 && r2 == 1));
        Console.WriteLine("coherence: " + Race(Rounds, () => { x = r1 = r2 = 0; },
            () => { Volatile.Write(ref x, 1); Volatile.Write(ref x, 2); },
            () => { r1 = Volatile.Read(ref x); r2 = Volatile.Read(ref x); }, () => r1 > r2));

        // An object's fields are there when the object is: with a volatile field, and with a plain one.
        int n = 0;
        Cell seen = null;
        Console.WriteLine("publication: " + Race(Rounds, () => { published = null; seen = null; n++; },
            () => { published = new Cell(n); },
            () => { seen = published; }, () => seen != null && (seen.a != n || seen.b != n || seen.c != n)));
        Console.WriteLine("publication without volatile: " + Race(Rounds, () => { quiet = null; seen = null; n++; },
            () => { quiet = new Cell(n) { next = new Cell(n + 1) }; },
            () => { seen = quiet; }, () => seen != null && (seen.a != n || seen.c != n || seen.next.b != n + 1)));
        long got = 0;
        Console.WriteLine("torn words: " + Race(Rounds, () => { wide = 0; },
            () => { wide = -1; },
            () => { got = wide; }, () => got != 0 && got != -1));

        // A loop that waits for a volatile field, or for Volatile.Read, ends.
        flag = 0;
        var waiter = new Thread(() => { while (flag == 0) { } while (Volatile.Read(ref plain) != 9) { } });
        waiter.Start();
        Thread.Sleep(5);
        flag = 1;
        Volatile.Write(ref plain, 9);
        waiter.Join();

        var one = new Thread(() => Peterson(false));
        one.Start();
        Peterson(true);
        one.Join();
        Console.WriteLine("Peterson's lock: " + (counter == taken));

        int sum = 0;
        long sum64 = 0;
        var adders = new Thread[4];
        for (int t = 0; t < adders.Length; t++)
        {
            adders[t] = new Thread(() =>
            {
                for (int i = 0; i < 5000; i++)
                {
                    Interlocked.Increment(ref sum);
                    Interlocked.Add(ref sum64, 1L << 33);
                    int old;
                    do old = sum; while (Interlocked.CompareExchange(ref sum, old + 1, old) != old);
                    Interlocked.Decrement(ref sum);
                }
            });
            adders[t].Start();
        }
        foreach (var t in adders) t.Join();
        Console.WriteLine("counters: " + sum + " " + (sum64 >> 33) + " " + Interlocked.Read(ref sum64));
    }
}
