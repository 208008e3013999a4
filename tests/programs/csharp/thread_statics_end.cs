// What thread statics refer to dies with the thread, and the next thread finds none of it.
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Threading;

class Thing
{
    public int Number;
}

static class Holder<T>
{
    [ThreadStatic] public static T Item;
    [ThreadStatic] public static long Sum;
}

static class Program
{
    [ThreadStatic] static Thing thing;
    [ThreadStatic] static int count;
    static readonly List<WeakReference> seen = new List<WeakReference>();
    static int leftovers;

    static void Note(object o)
    {
        lock (seen) seen.Add(new WeakReference(o));
    }

    static void Body(object argument)
    {
        if (thing != null || count != 0 || Holder<string>.Item != null || Holder<Thing>.Item != null || Holder<Thing>.Sum != 0) leftovers++;
        thing = (Thing)argument;
        count = thing.Number + 1;
        Holder<string>.Item = "thread " + count;
        Holder<Thing>.Item = new Thing { Number = count };
        Holder<Thing>.Sum = -1;
        Note(thing);
        Note(Holder<string>.Item);
        Note(Holder<Thing>.Item);
        Note(Thread.CurrentThread);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Spawn(int i)
    {
        Thread thread = new Thread(Body);
        thread.Start(new Thing { Number = i });
        thread.Join();
    }

    static void Main()
    {
        thing = new Thing { Number = 1000 };
        for (int i = 0; i < 40; i++) Spawn(i);
        for (int i = 0; i < 4; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        int dead = 0;
        foreach (WeakReference r in seen) if (!r.IsAlive) dead++;
        // Some may be kept by stale words on stacks.
        Console.WriteLine(seen.Count + " " + (dead >= 120 ? "most died" : "only " + dead + " died") + " " + leftovers + " " + thing.Number);
    }
}
