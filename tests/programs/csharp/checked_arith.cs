using System;

class CheckedArith
{
    static int overflows;

    static void Try(string what, Func<long> f)
    {
        try
        {
            long value = f();
            Console.WriteLine(what + " = " + value);
        }
        catch (OverflowException)
        {
            overflows++;
            Console.WriteLine(what + " overflows");
        }
    }

    static void Int(int a, int b)
    {
        Try(a + " + " + b, () => checked(a + b));
        Try(a + " - " + b, () => checked(a - b));
        Try(a + " * " + b, () => checked(a * b));
        Try("-" + a, () => checked(-a));
    }

    static void UInt(uint a, uint b)
    {
        Try(a + " u+ " + b, () => checked(a + b));
        Try(a + " u- " + b, () => checked(a - b));
        Try(a + " u* " + b, () => checked(a * b));
    }

    static void Long(long a, long b)
    {
        Try(a + " l+ " + b, () => checked(a + b));
        Try(a + " l- " + b, () => checked(a - b));
        Try(a + " l* " + b, () => checked(a * b));
    }

    static void ULong(ulong a, ulong b)
    {
        Try(a + " ul+ " + b, () => (long)checked(a + b));
        Try(a + " ul- " + b, () => (long)checked(a - b));
        Try(a + " ul* " + b, () => (long)checked(a * b));
    }

    static int SumUntilOverflow(int step)
    {
        int sum = 0;
        int rounds = 0;
        try
        {
            checked
            {
                while (true)
                {
                    sum += step;
                    rounds++;
                }
            }
        }
        catch (OverflowException)
        {
            Console.WriteLine("sum " + sum);
        }
        return rounds;
    }

    static void Main()
    {
        int[] ints = { 0, 1, -1, 65536, int.MaxValue, int.MinValue };
        foreach (int a in ints)
            foreach (int b in ints)
                Int(a, b);
        uint[] uints = { 0, 1, 65536, uint.MaxValue };
        foreach (uint a in uints)
            foreach (uint b in uints)
                UInt(a, b);
        long[] longs = { 1, -1, 4294967296, long.MaxValue, long.MinValue };
        foreach (long a in longs)
            foreach (long b in longs)
                Long(a, b);
        ulong[] ulongs = { 0, 2, 4294967296, ulong.MaxValue };
        foreach (ulong a in ulongs)
            foreach (ulong b in ulongs)
                ULong(a, b);
        Console.WriteLine(SumUntilOverflow(100000007));
        Console.WriteLine(SumUntilOverflow(-77777777));
        checked
        {
            byte small = 255;
            try { small++; } catch (OverflowException) { Console.WriteLine("byte stays " + small); }
            int[] array = { int.MaxValue };
            try { array[0] += 1; } catch (OverflowException) { Console.WriteLine("element stays " + array[0]); }
        }
        Console.WriteLine(overflows);
    }
}
