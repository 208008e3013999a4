using System;

static class Log
{
    public static void Add(string s) { Console.WriteLine("  " + s); }
}

// A class with a static constructor is initialized precisely at its first use.
class First
{
    public static int Field = Init("First.Field", 1);
    public static int Second = Init("First.Second", Field + 1);
    public int Instance = Init("First.Instance", 3);
    static First() { Log.Add("First static constructor"); Field += 10; }
    public First() { Log.Add("First constructor"); }
    public static void Method() { Log.Add("First.Method"); }
    static int Init(string what, int value) { Log.Add(what); return value; }
}

class Base
{
    static Base() { Log.Add("Base static constructor"); }
    public Base() { Log.Add("Base constructor"); }
    public static int Shared = 5;
}

class Derived : Base
{
    public static int Own = 6;
    static Derived() { Log.Add("Derived static constructor"); }
    public Derived() { Log.Add("Derived constructor"); }
    public static int FromBase() { return Shared; }
}

// Two classes that use each other while being initialized.
class Left
{
    public static int Value;
    static Left() { Log.Add("Left begins"); Value = Right.Value + 1; Log.Add("Left ends with " + Value); }
}

class Right
{
    public static int Value;
    static Right() { Log.Add("Right begins"); Value = Left.Value + 1; Log.Add("Right ends with " + Value); }
}

struct WithStatic
{
    public static int Count;
    public int X;
    static WithStatic() { Log.Add("WithStatic static constructor"); Count = 100; }
    public WithStatic(int x) { X = x; Count++; }
}

class Generic<T>
{
    public static T Value;
    static Generic() { Log.Add("Generic static constructor"); }
    public static void Touch() { Log.Add("Generic.Touch"); }
}

static class Lazy
{
    static Lazy() { Log.Add("Lazy static constructor"); }
    public static int Number { get { return 42; } }
    public const int Constant = 7;
    public static class Nested
    {
        static Nested() { Log.Add("Nested static constructor"); }
        public static int Value = 8;
    }
}

// Without a static constructor only the values count, not the time.
class Relaxed
{
    public static readonly int A = 5, B = A * 2, C;
    public static readonly int[] Table = { 1, 2, A + B };
    public static string Text = "relaxed " + Table[2];
}

class StaticCtors
{
    static int own = 3;
    static StaticCtors() { Log.Add("program static constructor " + own); own++; }

    static void Touch(bool really)
    {
        Log.Add("before");
        if (really)
            Console.WriteLine(Left.Value);
        Log.Add("after");
    }

    static void Main()
    {
        Console.WriteLine("Main " + own);
        Console.WriteLine(First.Field);
        Console.WriteLine(First.Second);
        First.Method();
        new First();
        Console.WriteLine("derived");
        Console.WriteLine(Derived.FromBase());
        Console.WriteLine(Derived.Own);
        new Derived();
        Touch(false);
        Touch(true);
        Console.WriteLine(Right.Value);
        WithStatic none = new WithStatic();
        Console.WriteLine(none.X);
        WithStatic some = new WithStatic(4);
        Console.WriteLine(some.X + " " + WithStatic.Count);
        Console.WriteLine("generic");
        Generic<int>.Touch();
        Generic<string>.Value = "x";
        Generic<object>.Touch();
        Generic<string>.Touch();
        Console.WriteLine(Lazy.Constant);
        Console.WriteLine(Lazy.Nested.Value);
        Console.WriteLine(Lazy.Number);
        Console.WriteLine(Relaxed.A + " " + Relaxed.B + " " + Relaxed.C + " " + Relaxed.Text);
        int sum = 0;
        for (int i = 0; i < 100; i++)
            sum += Loop.Next();
        Console.WriteLine(sum);
    }

    class Loop
    {
        static int state;
        static Loop() { Log.Add("Loop static constructor"); state = 1; }
        public static int Next() { return state++; }
    }
}
