// Boxing: integers, doubles and structs as objects, type tests, unboxing.
using System;

struct Pair
{
    public int A, B;
}

static class Boxing
{
    static object Make(int i)
    {
        switch (i & 3)
        {
            case 0: return i;
            case 1: return i * 0.5;
            case 2: return new Pair { A = i, B = 3 };
            default: return (long)i << 20;
        }
    }

    static long Value(object o)
    {
        if (o is int) return (int)o;
        if (o is double) return (long)(double)o;
        if (o is Pair)
        {
            Pair pair = (Pair)o;
            return pair.A + pair.B;
        }
        return (long)o;
    }

    static long Work()
    {
        object[] kept = new object[64];
        long sum = 0;
        for (int i = 0; i < 1000000; i++)
        {
            kept[i & 63] = Make(i);
            sum += Value(kept[(i * 7) & 63] ?? 1);
        }
        return sum;
    }

    static int Main() { return Bench.Run("boxing", Work); }
}
