//! unlike-mono: in one of many runs Mono waits forever in a circle of class constructors
// Class constructors while threads race for them (ECMA-335 II.10.5.3.3): each runs once, nobody sees a class before its constructor is through,
// except the thread that runs it and those that would wait in a circle.
using System;
using System.Collections.Generic;
using System.Threading;

static class Log
{
    public static int runs;
    public static readonly Barrier start = new Barrier(4);
}

class Slow<T>
{
    public static readonly int Value;
    public static readonly object Lock = new object();
    static Slow()
    {
        Interlocked.Increment(ref Log.runs);
        for (int i = 0; i < 20; i++) { new int[10].ToString(); Thread.Yield(); }
        Value = 42;
    }
}

// Two classes that need each other: whoever comes second to a running constructor of its circle goes on with what is there.
class Left<T>
{
    public static readonly int Own, Other;
    static Left() { Interlocked.Increment(ref Log.runs); Own = 1; Thread.Yield(); Other = Right<T>.Own; Thread.Yield(); }
    public static void Touch() { }
}
class Right<T>
{
    public static readonly int Own, Other;
    static Right() { Interlocked.Increment(ref Log.runs); Own = 2; Thread.Yield(); Other = Left<T>.Own; Thread.Yield(); }
    public static void Touch() { }
}

// A circle of three.
class Ring0<T> { public static readonly int V = 1 + Ring1<T>.Read(); public static int Read() { return V; } static Ring0() { Thread.Yield(); } }
class Ring1<T> { public static readonly int V = 10 + Ring2<T>.Read(); public static int Read() { return V; } static Ring1() { Thread.Yield(); } }
class Ring2<T> { public static readonly int V = 100 + Ring0<T>.Read(); public static int Read() { return V; } static Ring2() { Thread.Yield(); } }

class Fails<T>
{
    public static readonly int Value;
    static Fails() { Interlocked.Increment(ref Log.runs); Thread.Yield(); if (Log.runs >= 0) throw new InvalidOperationException("no " + typeof(T).Name); Value = 1; }
    public static int Get() { return Value; }
}

// A constructor that waits for a thread that needs the class: the thread may not wait for the constructor (of its own circle it knows nothing),
// so this one only waits for a while.
class Parent
{
    public static readonly int A;
    public static bool finished;
    static Parent()
    {
        var child = new Thread(() => { int got = Parent.A; finished = got == 7; });
        child.Start();
        child.Join(20);
        A = 7;
        worker = child;
    }
    public static Thread worker;
}

static class Races
{
    static int failures, caught, same;

    static void Four(Action<int> work)
    {
        var threads = new Thread[4];
        for (int i = 0; i < 4; i++)
        {
            int n = i;
            threads[i] = new Thread(() => { Log.start.SignalAndWait(); work(n); });
            threads[i].Start();
        }
        foreach (var t in threads) if (!t.Join(60000)) { Console.WriteLine("a deadlock"); Environment.Exit(1); }
    }

    static void Check(bool right) { if (!right) Interlocked.Increment(ref failures); }

    static void All<T>()
    {
        Log.runs = 0;
        Four(n => Check(Slow<T>.Value == 42 && Slow<T>.Lock != null));
        Check(Log.runs == 1);
        Log.runs = 0;
        Four(n => { if (n % 2 == 0) Left<T>.Touch(); else Right<T>.Touch(); });
        Check(Log.runs == 2 && Left<T>.Own == 1 && Right<T>.Own == 2);
        // One of them at least saw the other's finished value.
        Check(Left<T>.Other == 2 || Right<T>.Other == 1);
        Check((Left<T>.Other == 2 || Left<T>.Other == 0) && (Right<T>.Other == 1 || Right<T>.Other == 0));
        Four(n => { if (n == 0) Ring0<T>.Read(); else if (n == 1) Ring1<T>.Read(); else Ring2<T>.Read(); });
        int a = Ring0<T>.V, b = Ring1<T>.V, c = Ring2<T>.V;
        // Exactly one closed the circle and saw nothing.
        Check((a == 1 + b || a == 1) && (b == 10 + c || b == 10) && (c == 100 + a || c == 100));
        Check((a == 1 ? 1 : 0) + (b == 10 ? 1 : 0) + (c == 100 ? 1 : 0) == 1);
        Log.runs = 0;
        var seen = new Exception[4];
        Four(n =>
        {
            for (int i = 0; i < 3; i++)
                try { Fails<T>.Get(); Check(false); }
                catch (TypeInitializationException e)
                {
                    Interlocked.Increment(ref caught);
                    Check(e.InnerException is InvalidOperationException && e.InnerException.Message == "no " + typeof(T).Name);
                    seen[n] = e.InnerException;
                }
        });
        Check(Log.runs == 1);
        for (int i = 1; i < 4; i++) if (seen[i] == seen[0]) same++;
    }

    static void Main()
    {
        All<int>(); All<string>(); All<double>(); All<object>(); All<List<int>>(); All<KeyValuePair<int, string>>(); All<int[]>(); All<DateTime>();
        All<List<string>>(); All<Dictionary<string, int>>(); All<int?>(); All<Action>();
        Console.WriteLine("parent: " + Parent.A);
        Parent.worker.Join();
        Console.WriteLine("its thread saw it: " + Parent.finished);
        Console.WriteLine(failures + " failures, " + caught + " caught, " + same + " of the same");
    }
}
