using System;

class DelegatesClosures
{
    static Func<int> Counter(int start, int step)
    {
        int value = start;
        return () =>
        {
            int result = value;
            value += step;
            return result;
        };
    }

    static Func<int, Func<int, Func<int, int>>> Curried()
    {
        return a => b => c => a * 100 + b * 10 + c;
    }

    static Func<A, C> Compose<A, B, C>(Func<A, B> f, Func<B, C> g)
    {
        return x => g(f(x));
    }

    static Func<T, R> Memoize<T, R>(Func<T, R> f, Func<T, int> key, R[] table, bool[] known)
    {
        return x =>
        {
            int k = key(x);
            if (!known[k])
            {
                table[k] = f(x);
                known[k] = true;
            }
            return table[k];
        };
    }

    int field = 5;

    Action<int> Adder()
    {
        return x => field += x;
    }

    static int Fold(int[] values, int seed, Func<int, int, int> f)
    {
        foreach (int v in values)
            seed = f(seed, v);
        return seed;
    }

    static void Main()
    {
        Func<int> a = Counter(0, 1), b = Counter(100, 10);
        Console.WriteLine(a() + " " + a() + " " + b() + " " + a() + " " + b());
        Console.WriteLine(Curried()(1)(2)(3));

        var actions = new Func<int>[5];
        for (int i = 0; i < 5; i++)
        {
            int copy = i * i;
            actions[i] = () => copy + i;
        }
        foreach (Func<int> f in actions)
            Console.WriteLine(f());
        int k = 0;
        foreach (int x in new int[] { 10, 20, 30 })
            actions[k++] = () => x;
        Console.WriteLine(actions[0]() + actions[1]() + actions[2]());

        int shared = 0;
        Action increment = () => shared++;
        Action twice = increment + increment;
        twice();
        shared += 10;
        twice();
        Console.WriteLine(shared);

        Func<int, string> text = Compose<int, long, string>(x => x * 1000000000L, y => "<" + y + ">");
        Console.WriteLine(text(123));

        Func<int, int> factorial = null;
        factorial = n => n <= 1 ? 1 : n * factorial(n - 1);
        Console.WriteLine(factorial(10));

        int calls = 0;
        Func<int, long> fibonacci = null;
        fibonacci = Memoize<int, long>(n => { calls++; return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }, n => n, new long[80], new bool[80]);
        Console.WriteLine(fibonacci(75) + " in " + calls);

        var me = new DelegatesClosures();
        Action<int> adder = me.Adder();
        adder(10);
        adder(20);
        Console.WriteLine(me.field);

        int[] values = { 3, 1, 4, 1, 5, 9, 2, 6 };
        Console.WriteLine(Fold(values, 0, (s, v) => s + v));
        Console.WriteLine(Fold(values, int.MinValue, (s, v) => v > s ? v : s));
        Console.WriteLine(Fold(values, 1, (s, v) => s * 31 + v));
        int threshold = 3;
        Console.WriteLine(Fold(values, 0, (s, v) => v > threshold ? s + 1 : s));

        // A captured parameter, and a closure in a closure.
        Func<int, Func<int>> nested = start =>
        {
            int inner = start * 2;
            Action bump = () => { inner += start; start++; };
            return () => { bump(); return inner; };
        };
        Func<int> g = nested(5);
        Console.WriteLine(g() + " " + g() + " " + g());
        Action<Action> run = action => action();
        run(() => run(() => Console.WriteLine("inside " + shared)));
    }
}
