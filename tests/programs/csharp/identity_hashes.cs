//! flags: -optimize+
// Hash codes by identity: the same for life, whatever happens to the object's lock, and 0 for null.
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Threading;

class Node { public Node Next; public int Number; }

sealed class Own
{
    public override int GetHashCode() { return base.GetHashCode(); }
    public int Twice() { return GetHashCode() == RuntimeHelpers.GetHashCode(this) ? 2 : 1; }
}

static class Program
{
    static readonly object contended = new object();

    static bool Stays(object o)
    {
        int first = o.GetHashCode();
        bool same = true;
        for (int i = 0; i < 100; i++) same &= o.GetHashCode() == first & RuntimeHelpers.GetHashCode(o) == first;
        lock (o)
        {
            same &= o.GetHashCode() == first;
            lock (o) same &= RuntimeHelpers.GetHashCode(o) == first;
        }
        return same && o.GetHashCode() == first;
    }

    static bool FirstAskedWhileLocked(object o)
    {
        int inside;
        lock (o) inside = RuntimeHelpers.GetHashCode(o);
        return inside == o.GetHashCode() && Stays(o);
    }

    static int Sum(object[] objects)
    {
        int sum = 0;
        foreach (object o in objects) sum += RuntimeHelpers.GetHashCode(o);
        return sum;
    }

    static void Main()
    {
        Console.WriteLine(Stays(new object()) + " " + Stays(new Node()) + " " + Stays(new int[3]) + " " + Stays(new Own()));
        Console.WriteLine(FirstAskedWhileLocked(new object()) + " " + FirstAskedWhileLocked(new Node()) + " " + new Own().Twice());
        Console.WriteLine(RuntimeHelpers.GetHashCode(null) + " " + Sum(new object[] { null, null }));
        try { ((object)null).GetHashCode(); Console.WriteLine("?"); }
        catch (NullReferenceException) { Console.WriteLine("null"); }

        var nodes = new List<Node>();
        var numbers = new Dictionary<Node, int>();
        var set = new HashSet<object>();
        for (int i = 0; i < 5000; i++)
        {
            var n = new Node { Number = i };
            nodes.Add(n);
            numbers[n] = i;
            set.Add(n);
            if (i % 1000 == 0) GC.Collect();
        }
        bool found = true;
        foreach (Node n in nodes) found &= numbers[n] == n.Number && set.Contains(n) && !set.Contains(new Node());
        Console.WriteLine(found + " " + set.Count);

        int before = contended.GetHashCode(), wrong = 0;
        var threads = new Thread[4];
        for (int t = 0; t < threads.Length; t++)
        {
            threads[t] = new Thread(() =>
            {
                for (int i = 0; i < 2000; i++)
                {
                    lock (contended) if (contended.GetHashCode() != before) Interlocked.Increment(ref wrong);
                    if (RuntimeHelpers.GetHashCode(contended) != before) Interlocked.Increment(ref wrong);
                }
            });
            threads[t].Start();
        }
        foreach (Thread t in threads) t.Join();
        Console.WriteLine(wrong);
        var bytes = new byte[16];
        Buffer.BlockCopy(new[] { 1, 2, 3, 4 }, 4, bytes, 3, 8);
        Array.Clear(bytes, 4, 2);
        var grid = new[,] { { 1, 2 }, { 3, 4 } };
        Array.Clear(grid, 1, 2);
        Console.WriteLine(string.Join(",", bytes) + " " + grid[0, 0] + grid[0, 1] + grid[1, 0] + grid[1, 1] + " " + Buffer.ByteLength(grid));
    }
}
