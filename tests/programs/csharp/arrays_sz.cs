//! unlike-mono: a native index is not cut to 32 bits: one beyond the length is out of range (ECMA-335 III.4.7)
using System;

class ArraysSz
{
    static int accesses;

    static int[] Fill(int n, int seed)
    {
        var a = new int[n];
        for (int i = 0; i < a.Length; i++)
        {
            seed = seed * 1103515245 + 12345;
            a[i] = (seed >> 16) & 0x7FFF;
        }
        return a;
    }

    static long Sum(int[] a)
    {
        long sum = 0;
        for (int i = 0; i < a.Length; i++)
            sum += a[i];
        return sum;
    }

    static string At(int[] a, int i)
    {
        accesses++;
        try { return a[i].ToString(); }
        catch (IndexOutOfRangeException) { return "out of range"; }
        catch (NullReferenceException) { return "null"; }
    }

    static string Store(int[] a, int i, int v)
    {
        try { a[i] = v; return "stored"; }
        catch (IndexOutOfRangeException) { return "not stored"; }
    }

    static string Make(int n)
    {
        try { return "length " + new int[n].Length; }
        catch (OverflowException) { return "negative size"; }
    }

    static int Partial(int[] a, int from, int to)
    {
        int sum = 0;
        try
        {
            for (int i = from; i < to; i++)
                sum += a[i];
        }
        catch (IndexOutOfRangeException)
        {
            sum = -sum;
        }
        return sum;
    }

    static void Main()
    {
        int[] a = Fill(10, 42);
        foreach (int x in a)
            Console.WriteLine(x);
        Console.WriteLine(Sum(a));
        foreach (int i in new int[] { 0, 9, 10, -1, int.MaxValue, int.MinValue })
        {
            Console.WriteLine(At(a, i));
            Console.WriteLine(Store(a, i, i));
        }
        Console.WriteLine(At(null, 0));
        Console.WriteLine(At(new int[0], 0));
        Console.WriteLine(Make(0));
        Console.WriteLine(Make(3));
        Console.WriteLine(Make(-1));
        Console.WriteLine(Partial(a, 2, 8));
        Console.WriteLine(Partial(a, 2, 80));
        Console.WriteLine(Partial(a, -2, 8));

        long[] longs = new long[4];
        longs[1] = long.MaxValue;
        longs[2] += longs[1] - 5;
        longs[3]--;
        foreach (long x in longs)
            Console.WriteLine(x);
        char[] letters = { 'x', 'y', 'z' };
        letters[1]++;
        Console.WriteLine(letters);
        string[] words = new string[3];
        words[0] = "first";
        words[2] = words[0] + "!";
        foreach (string w in words)
            Console.WriteLine(w ?? "(null)");
        double[] doubles = { 1.5, 2.25 };
        doubles[0] *= doubles[1];
        Console.WriteLine((int)(doubles[0] * 1000));
        float[] floats = { 0.5f, 8f };
        floats[1] /= floats[0];
        Console.WriteLine((int)floats[1]);

        int[] big = new int[100000];
        for (int i = 0; i < big.Length; i++)
            big[i] = i ^ (i >> 3);
        long mixed = 0;
        for (int i = big.Length - 1; i >= 0; i -= 7)
            mixed = mixed * 3 + big[i];
        Console.WriteLine(mixed);
        for (int i = 0, j = a.Length - 1; i < j; i++, j--)
        {
            int t = a[i];
            a[i] = a[j];
            a[j] = t;
        }
        Console.WriteLine(a[0] + " " + a[a.Length - 1]);
        long index = 3;
        Console.WriteLine(a[index]);
        uint unsignedIndex = 4;
        Console.WriteLine(a[unsignedIndex]);
        try { Console.WriteLine(a[index + (1L << 32)]); }
        catch (IndexOutOfRangeException) { Console.WriteLine("long index out of range"); }
        catch (OverflowException) { Console.WriteLine("long index overflows"); }
        Console.WriteLine(accesses);
    }
}
