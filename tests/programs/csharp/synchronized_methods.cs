// MethodImplOptions.Synchronized: the lock is that of `this`, or of the type, and is given back however the method ends.
using System;
using System.Runtime.CompilerServices;
using System.Threading;

class Account
{
    int balance;

    [MethodImpl(MethodImplOptions.Synchronized)]
    public int Deposit(int n)
    {
        int old = balance;
        Thread.Yield();
        balance = old + n;
        return balance;
    }

    [MethodImpl(MethodImplOptions.Synchronized)]
    public void Check(string what) { Console.WriteLine(what + ": holds this " + Monitor.IsEntered(this) + ", the type " + Monitor.IsEntered(typeof(Account))); }

    [MethodImpl(MethodImplOptions.Synchronized)]
    public static void CheckStatic(string what) { Console.WriteLine(what + ": holds the type " + Monitor.IsEntered(typeof(Account))); }

    [MethodImpl(MethodImplOptions.Synchronized)]
    public int Many(int n)
    {
        try
        {
            if (n == 0) return 10;
            if (n == 1) throw new InvalidOperationException("one");
            for (int i = 0; i < n; i++) if (i == 3) return i;
        }
        catch (InvalidOperationException e)
        {
            Console.WriteLine("caught " + e.Message + ", holds " + Monitor.IsEntered(this));
            if (n == 1) return -1;
        }
        finally
        {
            Console.WriteLine("finally, holds " + Monitor.IsEntered(this));
        }
        return 99;
    }

    [MethodImpl(MethodImplOptions.Synchronized)]
    public decimal Big(decimal x, string s, ref int count)
    {
        count++;
        if (s == null) throw new ArgumentNullException("s");
        return x * s.Length;
    }

    [MethodImpl(MethodImplOptions.Synchronized)]
    public void WaitForPulse() { Monitor.Wait(this, 5000); }

    [MethodImpl(MethodImplOptions.Synchronized)]
    public void Pulse() { Monitor.Pulse(this); }

    [MethodImpl(MethodImplOptions.Synchronized)]
    public int Recurse(int n) { return n == 0 ? 0 : 1 + Recurse(n - 1); }

    public event EventHandler Changed
    {
        [MethodImpl(MethodImplOptions.Synchronized)] add { Console.WriteLine("add, holds " + Monitor.IsEntered(this)); }
        [MethodImpl(MethodImplOptions.Synchronized)] remove { Console.WriteLine("remove, holds " + Monitor.IsEntered(this)); }
    }

    public int Balance { get { return balance; } }
}

class Box<T>
{
    [MethodImpl(MethodImplOptions.Synchronized)]
    public static bool Holds() { return Monitor.IsEntered(typeof(Box<T>)); }

    [MethodImpl(MethodImplOptions.Synchronized)]
    public T Same<U>(T x, U y) { return Monitor.IsEntered(this) ? x : default(T); }
}

class Program
{
    static void Main()
    {
        var a = new Account();
        a.Check("instance");
        Account.CheckStatic("static");
        Console.WriteLine("after: " + Monitor.IsEntered(a) + " " + Monitor.IsEntered(typeof(Account)));
        foreach (int n in new[] { 0, 1, 2, 5 }) Console.WriteLine(n + " -> " + a.Many(n));
        int count = 0;
        Console.WriteLine(a.Big(1.5m, "four", ref count));
        try { a.Big(1, null, ref count); } catch (ArgumentNullException e) { Console.WriteLine(e.ParamName + " " + count + " " + Monitor.IsEntered(a)); }
        Console.WriteLine(a.Recurse(50) + " " + Monitor.IsEntered(a));
        a.Changed += null;
        a.Changed -= null;
        Console.WriteLine(Box<string>.Holds() + " " + Box<object>.Holds());
        Console.WriteLine(new Box<string>().Same("same", 1) + " " + new Box<int>().Same(7, "x"));
        Account none = null;
        try { none.Deposit(1); } catch (NullReferenceException) { Console.WriteLine("null"); }

        var threads = new Thread[4];
        for (int t = 0; t < threads.Length; t++)
        {
            threads[t] = new Thread(() => { for (int i = 0; i < 500; i++) a.Deposit(1); });
            threads[t].Start();
        }
        foreach (var t in threads) t.Join();
        Console.WriteLine(a.Balance);

        var waiter = new Thread(a.WaitForPulse);
        waiter.Start();
        while (!waiter.Join(1)) a.Pulse();
        Console.WriteLine("done");
    }
}
