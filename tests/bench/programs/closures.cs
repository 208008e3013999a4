// Closures: made and called often, with variables that they share.
using System;

static class Closures
{
    static Func<int, int> Adder(int n) { return x => x + n; }

    static Func<int, int> Then(Func<int, int> f, Func<int, int> g) { return x => g(f(x)); }

    static int Count(Action<Action> repeat)
    {
        int count = 0;
        repeat(() => count++);
        return count;
    }

    static long Work()
    {
        long sum = 0;
        for (int i = 0; i < 100000; i++)
        {
            Func<int, int> f = Then(Adder(i), Then(Adder(1), x => x * 2));
            sum += f(i) + f(3);
            if (i % 10 == 0) sum += Count(again => { for (int n = 0; n < 20; n++) again(); });
        }
        return sum;
    }

    static int Main() { return Bench.Run("closures", Work); }
}
