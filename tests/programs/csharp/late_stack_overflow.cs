using System;

class LateStackOverflow
{
    static int depth;

    static int Deep(int n)
    {
        depth = n;
        return Deep(n + 1) + 1;
    }

    static int WithFinally(int n)
    {
        try { return WithFinally(n + 1) + 1; }
        finally { depth++; }
    }

    static long Wide(int n, long a, long b, long c)
    {
        long d = a + b, e = b + c, f = c + a;
        return Wide(n + 1, d, e, f) + d * e + f;
    }

    static void Main()
    {
        try { Deep(0); }
        catch (StackOverflowException) { Console.WriteLine("overflow " + (depth > 1000)); }
        for (int i = 0; i < 3; i++)
        {
            try { Wide(0, 1, 2, 3); }
            catch (StackOverflowException) { Console.WriteLine("again " + i); }
        }
        depth = 0;
        try { WithFinally(0); }
        catch (StackOverflowException) { Console.WriteLine("finally " + (depth > 500)); }
        Console.WriteLine("alive");
    }
}
