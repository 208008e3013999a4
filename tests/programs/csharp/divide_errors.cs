using System;

class DivideErrors
{
    static string Try(Func<long> f)
    {
        try { return f().ToString(); }
        catch (DivideByZeroException) { return "by zero"; }
        catch (OverflowException) { return "overflow"; }
    }

    static int Div(int a, int b) { return a / b; }
    static int Rem(int a, int b) { return a % b; }
    static long Div(long a, long b) { return a / b; }
    static long Rem(long a, long b) { return a % b; }
    static uint Div(uint a, uint b) { return a / b; }
    static uint Rem(uint a, uint b) { return a % b; }
    static ulong Div(ulong a, ulong b) { return a / b; }
    static ulong Rem(ulong a, ulong b) { return a % b; }

    static int Protected(int a, int b)
    {
        int result = 1;
        try
        {
            result = 2;
            result = a / b;
        }
        catch (ArithmeticException) { result += 1000; }
        finally { result++; }
        return result;
    }

    static int Unused(int a, int b)
    {
        int ignored = a / b;
        return a;
    }

    static int Average(int[] values)
    {
        int sum = 0;
        foreach (int v in values)
            sum += v;
        return sum / values.Length;
    }

    static void Main()
    {
        int[] ints = { 0, 1, -1, 7, -7, int.MaxValue, int.MinValue };
        foreach (int a in ints)
            foreach (int b in ints)
                // What MIN % -1 gives is left open by the standard.
                if (!(a == int.MinValue && b == -1))
                    Console.WriteLine(a + " " + b + ": " + Try(() => Div(a, b)) + " " + Try(() => Rem(a, b)));
        long[] longs = { 0, -1, 10, long.MinValue, 1L << 33 };
        foreach (long a in longs)
            foreach (long b in longs)
                if (!(a == long.MinValue && b == -1))
                    Console.WriteLine(a + " " + b + ": " + Try(() => Div(a, b)) + " " + Try(() => Rem(a, b)));
        Console.WriteLine(Try(() => Div(int.MinValue, -1)));
        Console.WriteLine(Try(() => Div(long.MinValue, -1L)));
        uint[] uints = { 0, 1, 10, uint.MaxValue };
        foreach (uint a in uints)
            foreach (uint b in uints)
                Console.WriteLine(a + " " + b + ": " + Try(() => Div(a, b)) + " " + Try(() => Rem(a, b)));
        ulong[] ulongs = { 0, 3, ulong.MaxValue };
        foreach (ulong a in ulongs)
            foreach (ulong b in ulongs)
                Console.WriteLine(a + " " + b + ": " + Try(() => (long)Div(a, b)) + " " + Try(() => (long)Rem(a, b)));
        int zero = 0;
        short shortZero = 0;
        Console.WriteLine(Try(() => 5 / zero) + " " + Try(() => 5 % zero) + " " + Try(() => shortZero / shortZero) + " " + Try(() => (byte)7 % shortZero));
        Console.WriteLine(Protected(10, 3) + " " + Protected(10, 0) + " " + Protected(int.MinValue, -1));
        try { Console.WriteLine(Unused(5, 0)); }
        catch (DivideByZeroException) { Console.WriteLine("an unused division counts"); }
        Console.WriteLine(Try(() => Average(new int[] { 4, 6, 8 })) + " " + Try(() => Average(new int[0])));
        double d = 0;
        Console.WriteLine((1 / d > 0) + " " + (-1 / d < 0) + " " + (d / d != d / d));
        try { decimal m = 0; Console.WriteLine(1 / m == 0); }
        catch (DivideByZeroException) { Console.WriteLine("decimal by zero"); }
    }
}
