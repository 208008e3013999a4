using System;

abstract class Visitor
{
    public abstract R Visit<T, R>(T x, R seed);
    public virtual string Name<T>() { return "T is a value: " + (default(T) != null); }
}

class Counting : Visitor
{
    public int Count;
    public override R Visit<T, R>(T x, R seed) { Count++; return seed; }
}

class Recursive : Counting
{
    public override R Visit<T, R>(T x, R seed)
    {
        Count += 10;
        if (Count > 50)
            return base.Visit(x, seed);
        return Visit<T[], R>(new T[] { x }, seed);
    }
    public override string Name<T>() { return "recursive " + base.Name<T>(); }
}

class Outer<T>
{
    public class Inner<U>
    {
        public T First;
        public U Second;
        public V Pick<V>(Func<T, U, V> f) { return f(First, Second); }
        public static int Size<V>(T[] a, U[] b, V[] c) { return a.Length + b.Length * 10 + c.Length * 100; }
    }
    public Inner<U> With<U>(T a, U b) { return new Inner<U> { First = a, Second = b }; }
}

class GenericsMethods
{
    static T Identity<T>(T x) { return x; }
    static T Default<T>() { return default(T); }
    static bool IsDefault<T>(T x) { return Equals(x, default(T)); }

    static void Swap<T>(ref T a, ref T b)
    {
        T t = a;
        a = b;
        b = t;
    }

    static T[] Fill<T>(int n, T x)
    {
        var a = new T[n];
        for (int i = 0; i < n; i++)
            a[i] = x;
        return a;
    }

    static int Depth<T>(T x, int n)
    {
        return n == 0 ? 0 : 1 + Depth(x, n - 1);
    }

    static string Choose<T>(T x) { return "generic"; }
    static string Choose(int x) { return "int"; }
    static string Choose(object x) { return "object"; }

    static R Fold<T, R>(T[] items, R seed, Func<R, T, R> f)
    {
        foreach (T item in items)
            seed = f(seed, item);
        return seed;
    }

    static bool TryParse<T>(string text, Func<string, T> parse, out T value)
    {
        try { value = parse(text); return true; }
        catch (FormatException) { value = default(T); return false; }
    }

    static T Last<T>(params T[] items) { return items[items.Length - 1]; }

    static object BoxIt<T>(T x) { return x; }
    static T UnboxIt<T>(object x) { return (T)x; }

    static void Main()
    {
        Console.WriteLine(Identity(5) + Identity("x") + Identity(7L) + Identity('c'));
        Console.WriteLine(Default<int>() + " " + (Default<string>() == null) + " " + Default<bool>() + " " + (Default<int?>() == null));
        Console.WriteLine(IsDefault(0) + " " + IsDefault(1) + " " + IsDefault<string>(null) + " " + IsDefault(""));
        int a = 1, b = 2;
        Swap(ref a, ref b);
        string s = "s", t = "t";
        Swap(ref s, ref t);
        double d = 1.5, e = 2.5;
        Swap(ref d, ref e);
        int[] array = { 10, 20, 30 };
        Swap(ref array[0], ref array[2]);
        Console.WriteLine(a + " " + b + " " + s + t + " " + (int)(d * 10) + " " + array[0]);
        Console.WriteLine(Fill(3, "f").Length + Fill(4, 5)[3] + Fill(2, 'z')[1]);
        Console.WriteLine(Depth("x", 10) + Depth(1.0, 7));
        Console.WriteLine(Choose(1) + Choose("x") + Choose(1L) + Choose((object)1));
        Console.WriteLine(Fold(new int[] { 1, 2, 3 }, "", (r, x) => r + x));
        Console.WriteLine(Fold(new string[] { "a", "bb", "ccc" }, 0L, (r, x) => r * 10 + x.Length));
        int parsed;
        Console.WriteLine(TryParse("42", int.Parse, out parsed) + " " + parsed);
        Console.WriteLine(TryParse("4x2", int.Parse, out parsed) + " " + parsed);
        Console.WriteLine(Last(1, 2, 3) + Last("p", "q") + Last(1L));
        Console.WriteLine((int)BoxIt(6) + (string)BoxIt("six") + UnboxIt<int>(7) + UnboxIt<string>("seven"));
        try { UnboxIt<int>("no"); }
        catch (InvalidCastException) { Console.WriteLine("not an int"); }
        try { UnboxIt<string>(5); }
        catch (InvalidCastException) { Console.WriteLine("not a string"); }
        try { UnboxIt<int>(null); }
        catch (NullReferenceException) { Console.WriteLine("null is no int"); }
        Console.WriteLine(UnboxIt<string>(null) == null);
        Console.WriteLine(UnboxIt<int?>(null) == null);

        var counting = new Counting();
        var recursive = new Recursive();
        foreach (Visitor v in new Visitor[] { counting, recursive })
        {
            Console.WriteLine(v.Visit(1, "int seed"));
            Console.WriteLine(v.Visit("one", 1L));
            Console.WriteLine(v.Visit<object, string>(null, "object seed"));
            Console.WriteLine(v.Name<int>());
            Console.WriteLine(v.Name<string>());
            Console.WriteLine(v.Name<Guid>());
        }
        Console.WriteLine(counting.Count + " " + recursive.Count);

        Console.WriteLine(new Outer<int>().With(3, "three").Pick((x, y) => y + x));
        Console.WriteLine(new Outer<string>().With("k", 2.5).Pick((x, y) => x.Length + (int)y));
        Console.WriteLine(Outer<int>.Inner<string>.Size(new int[1], new string[2], new byte[3]));
        Func<int, string, long> pick = (x, y) => x * 1000L + y.Length;
        Console.WriteLine(new Outer<int>().With(9, "nine").Pick(pick));
    }
}
