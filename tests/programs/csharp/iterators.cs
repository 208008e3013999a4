using System;
using System.Collections;
using System.Collections.Generic;

class Tree<T> : IEnumerable<T> where T : IComparable<T>
{
    readonly T value;
    Tree<T> left, right;
    public Tree(T value) { this.value = value; }

    public void Add(T x)
    {
        if (x.CompareTo(value) < 0)
        {
            if (left == null) left = new Tree<T>(x); else left.Add(x);
        }
        else
        {
            if (right == null) right = new Tree<T>(x); else right.Add(x);
        }
    }

    public IEnumerator<T> GetEnumerator()
    {
        if (left != null)
            foreach (T x in left)
                yield return x;
        yield return value;
        if (right != null)
            foreach (T x in right)
                yield return x;
    }

    IEnumerator IEnumerable.GetEnumerator() { return GetEnumerator(); }
}

class Iterators
{
    static IEnumerable<int> Range(int from, int to)
    {
        for (int i = from; i < to; i++)
            yield return i;
    }

    static IEnumerable<long> Fibonacci()
    {
        long a = 0, b = 1;
        while (true)
        {
            yield return a;
            long next = a + b;
            a = b;
            b = next;
        }
    }

    static IEnumerable<T> Where<T>(IEnumerable<T> items, Func<T, bool> test)
    {
        foreach (T item in items)
            if (test(item))
                yield return item;
    }

    static IEnumerable<R> Select<T, R>(IEnumerable<T> items, Func<T, R> f)
    {
        foreach (T item in items)
            yield return f(item);
    }

    static IEnumerable<T> Take<T>(IEnumerable<T> items, int count)
    {
        if (count <= 0)
            yield break;
        foreach (T item in items)
        {
            yield return item;
            if (--count == 0)
                yield break;
        }
    }

    static IEnumerable<string> WithFinally(bool fail)
    {
        Console.WriteLine("begin");
        try
        {
            yield return "one";
            try
            {
                yield return "two";
                if (fail)
                    throw new InvalidOperationException();
            }
            finally { Console.WriteLine("inner finally"); }
            yield return "three";
        }
        finally { Console.WriteLine("outer finally"); }
        yield return "four";
    }

    static IEnumerable<int[]> Permutations(int[] items, int from)
    {
        if (from == items.Length)
        {
            yield return items;
            yield break;
        }
        for (int i = from; i < items.Length; i++)
        {
            Swap(items, from, i);
            foreach (int[] p in Permutations(items, from + 1))
                yield return p;
            Swap(items, from, i);
        }
    }

    static void Swap(int[] items, int i, int j)
    {
        int t = items[i];
        items[i] = items[j];
        items[j] = t;
    }

    static IEnumerator Untyped()
    {
        yield return 1;
        yield return "two";
        yield return null;
    }

    static void Main()
    {
        foreach (int i in Range(3, 6))
            Console.WriteLine(i);
        foreach (long f in Take(Where(Fibonacci(), x => x % 2 == 0), 12))
            Console.WriteLine(f);
        foreach (string s in Select(Take(Range(0, 1000000), 3), x => "s" + x * x))
            Console.WriteLine(s);

        var tree = new Tree<string>("m");
        foreach (string s in new string[] { "q", "c", "x", "a", "n", "d", "z", "b" })
            tree.Add(s);
        string all = "";
        foreach (string s in tree)
            all += s;
        Console.WriteLine(all);
        var numbers = new Tree<int>(50);
        for (int i = 1; i < 40; i++)
            numbers.Add(i * 37 % 101);
        int last = -1;
        bool sorted = true;
        foreach (int n in numbers)
        {
            sorted &= n >= last;
            last = n;
        }
        Console.WriteLine(sorted + " " + last);

        foreach (string s in WithFinally(false))
            Console.WriteLine(s);
        foreach (string s in WithFinally(false))
        {
            Console.WriteLine(s);
            if (s == "two")
                break;
        }
        try
        {
            foreach (string s in WithFinally(true))
                Console.WriteLine(s);
        }
        catch (InvalidOperationException) { Console.WriteLine("failed"); }

        IEnumerable<int> again = Range(0, 3);
        int total = 0;
        foreach (int a in again)
            foreach (int b in again)
                total = total * 3 + a * b;
        Console.WriteLine(total);
        foreach (int[] p in Permutations(new int[] { 1, 2, 3 }, 0))
            Console.WriteLine(p[0] + "" + p[1] + "" + p[2]);
        int count = 0;
        foreach (int[] p in Permutations(new int[] { 1, 2, 3, 4, 5, 6 }, 0))
            count += p[0] * p[5];
        Console.WriteLine(count);
        IEnumerator untyped = Untyped();
        while (untyped.MoveNext())
            Console.WriteLine(untyped.Current ?? "null");
        Console.WriteLine(untyped.MoveNext());
    }
}
