// Exceptions caught near the throw: by type, with filters, after finally, from null references and divisions.
using System;

sealed class Failure : Exception
{
    public readonly int Code;
    public Failure(int code) { Code = code; }
}

static class Throws
{
    static int Checked(int n)
    {
        if (n % 4 == 3) throw new Failure(n);
        return n;
    }

    static int Divided(int n, int by, string text)
    {
        try { return n / by + text.Length; }
        catch (DivideByZeroException) { return 1; }
        catch (NullReferenceException) { return 2; }
    }

    static long Work()
    {
        long sum = 0;
        for (int i = 0; i < 12000; i++)
        {
            try
            {
                try { sum += Checked(i); }
                finally { sum++; }
            }
            catch (Failure f) when (f.Code % 8 == 3) { sum += 5; }
            catch (Failure f) { sum += f.Code & 15; }
            if (i % 64 == 0) sum += Divided(i, i & 64, (i & 128) == 0 ? null : "text");
        }
        return sum;
    }

    static int Main() { return Bench.Run("throws", Work); }
}
