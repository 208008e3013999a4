using System;

interface ICounter { int Next(); int Value { get; } }
interface IBig { long Sum(int a, long b, string c); }

struct Counter : ICounter
{
    int value;
    public Counter(int start) { value = start; }
    public int Next() { return ++value; }
    public int Value { get { return value; } }
    public override string ToString() { return "counter at " + value; }
    public override int GetHashCode() { return value; }
    public override bool Equals(object o) { return o is Counter && ((Counter)o).value == value; }
}

struct Big : IBig, ICounter
{
    public long A, B, C, D;
    public long Sum(int a, long b, string c) { A += a; return A + B + C + D + b + c.Length; }
    int ICounter.Next() { return (int)++D; }
    int ICounter.Value { get { return (int)D; } }
}

struct Reference : IComparable<Reference>
{
    public string Text;
    public int CompareTo(Reference other) { return string.CompareOrdinal(Text, other.Text); }
}

class InterfacesStruct
{
    static int Boxed(ICounter c) { return c.Next() + c.Next(); }
    static int Constrained<T>(ref T c) where T : ICounter { return c.Next() + c.Next(); }
    static int ByValue<T>(T c) where T : ICounter { return c.Next() + c.Next(); }
    static string Text<T>(T x) { return x.ToString() + x.GetHashCode(); }
    static T Max<T>(T a, T b) where T : IComparable<T> { return a.CompareTo(b) >= 0 ? a : b; }

    static void Main()
    {
        var c = new Counter(10);
        Console.WriteLine(c.Next());
        Console.WriteLine(Boxed(c));
        Console.WriteLine(c.Value);
        Console.WriteLine(Constrained(ref c));
        Console.WriteLine(c.Value);
        Console.WriteLine(ByValue(c));
        Console.WriteLine(c.Value);

        ICounter boxed = c;
        Console.WriteLine(boxed.Next() + " " + boxed.Next() + " " + c.Value + " " + boxed.Value);
        object same = boxed;
        Console.WriteLine(((Counter)same).Value);
        var copy = (Counter)same;
        copy.Next();
        Console.WriteLine(boxed.Value + " " + copy.Value);
        Console.WriteLine(Constrained(ref boxed) + " " + boxed.Value);
        Console.WriteLine(boxed.ToString() + " " + boxed.GetHashCode() + " " + boxed.Equals(copy));
        Console.WriteLine(Text(c) + " " + Text(5) + " " + Text("s").Length.CompareTo(0));

        var big = new Big { A = 1, B = 2, C = 3, D = 4 };
        IBig boxedBig = big;
        Console.WriteLine(boxedBig.Sum(100, 1000, "abc"));
        Console.WriteLine(boxedBig.Sum(100, 1000, "abc"));
        Console.WriteLine(big.Sum(5, 6, ""));
        Console.WriteLine(((ICounter)boxedBig).Next() + " " + Constrained(ref big) + " " + ByValue(big) + " " + big.D);
        Func<int> next = ((ICounter)boxedBig).Next;
        Console.WriteLine(next() + next());

        Console.WriteLine(Max(3, 9) + Max("pear", "apple") + Max(2.5, -2.5).Equals(2.5));
        Console.WriteLine(Max(new Reference { Text = "x" }, new Reference { Text = "y" }).Text);

        var counters = new ICounter[] { new Counter(1), new Big(), new Counter(100) };
        int total = 0;
        for (int i = 0; i < 30; i++)
            total += counters[i % 3].Next();
        Console.WriteLine(total);
        var array = new Counter[3];
        array[1].Next();
        Constrained(ref array[1]);
        Console.WriteLine(array[0].Value + " " + array[1].Value);
        using (var d = new Disposable("a"))
        using (new Disposable("b"))
            Console.WriteLine("body");
    }

    struct Disposable : IDisposable
    {
        readonly string name;
        public Disposable(string name) { this.name = name; }
        public void Dispose() { Console.WriteLine("dispose " + name); }
    }
}
