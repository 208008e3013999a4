using System;
using System.Runtime.Remoting.Messaging;
using System.Threading;

// BeginInvoke and EndInvoke: results, by-reference arguments, callbacks, exceptions, misuse.
class Program
{
    delegate int Add(int a, ref string s, out double d, DateTime t);
    delegate void Nothing();
    delegate Big Twice(Big b);
    delegate T Pick<T>(T[] list, ref T other);

    struct Big { public long A, B, C, D, E; }

    static int DoAdd(int a, ref string s, out double d, DateTime t)
    {
        s += "!";
        d = a * 1.5;
        return a + t.Year;
    }

    static T First<T>(T[] list, ref T other)
    {
        T old = other;
        other = list[1];
        return old;
    }

    static void Generic<T>(T[] list, T other)
    {
        Pick<T> pick = First<T>;
        IAsyncResult r = pick.BeginInvoke(list, ref other, null, null);
        T got = pick.EndInvoke(ref other, r);
        Console.WriteLine("{0} {1}", got, other);
    }

    static void Refused(Action action)
    {
        try { action(); }
        catch (Exception e) { Console.WriteLine("{0}: {1}", e.GetType(), e.Message); }
    }

    static void Main()
    {
        Add add = DoAdd;
        string s = "x";
        double d;
        IAsyncResult r = add.BeginInvoke(5, ref s, out d, new DateTime(2000, 1, 1), null, "state");
        Console.WriteLine("{0} {1} {2}", r.AsyncState, r.CompletedSynchronously, r.GetType());
        Console.WriteLine("{0} {1} {2} {3}", add.EndInvoke(ref s, out d, r), s, d == 7.5, r.IsCompleted);

        Nothing fails = () =>
        {
            Console.WriteLine("on the pool: {0}", Thread.CurrentThread.IsThreadPoolThread);
            throw new InvalidOperationException("boom");
        };
        var done = new ManualResetEvent(false);
        r = fails.BeginInvoke(ar =>
        {
            var result = (AsyncResult)ar;
            Console.WriteLine("{0} {1} {2} {3}", ar.AsyncState, ar.IsCompleted, result.EndInvokeCalled,
                ReferenceEquals(result.AsyncDelegate, fails));
            Refused(() => ((Nothing)result.AsyncDelegate).EndInvoke(ar));
            Console.WriteLine(result.EndInvokeCalled);
            done.Set();
        }, 42);
        done.WaitOne();
        Refused(() => fails.EndInvoke(r));

        Twice twice = b => { b.E = b.A + b.B; return b; };
        r = twice.BeginInvoke(new Big { A = 1, B = 2 }, null, null);
        r.AsyncWaitHandle.WaitOne();
        Console.WriteLine(twice.EndInvoke(r).E);

        Generic(new[] { 1, 2 }, 3);
        Generic(new[] { "a", "b" }, "c");
        Generic(new int?[] { 1, null }, 3);

        Func<int, int> square = x => x * x;
        var results = new IAsyncResult[20];
        for (int i = 0; i < 20; i++)
            results[i] = square.BeginInvoke(i, null, null);
        int sum = 0;
        for (int i = 0; i < 20; i++)
            sum += square.EndInvoke(results[i]);
        Console.WriteLine(sum);

        Func<string> upper = "abc".ToUpperInvariant;
        Console.WriteLine(upper.EndInvoke(upper.BeginInvoke(null, null)));

        Refused(() => square.EndInvoke(twice.BeginInvoke(new Big(), null, null)));
        Refused(() => square.EndInvoke(null));
        Action<int> both = x => Console.WriteLine("a");
        both += x => Console.WriteLine("b");
        Refused(() => both.BeginInvoke(1, null, null));
    }
}
