using System;

delegate int Binary(int a, int b);
delegate void Effect(ref int x, out string text);
delegate long Wide(byte a, short b, int c, long d, float e, double f, string g, object h, char i, bool j);
delegate Pair Make(int a, int b);

struct Pair
{
    public long A, B, C;
    public long Total() { return A + B + C; }
    public long Plus(int x) { return A + B + C + x; }
}

class Base
{
    protected int seed;
    public Base(int seed) { this.seed = seed; }
    public int Add(int a, int b) { return a + b + seed; }
    public virtual int Virtual(int a, int b) { return a * b + seed; }
}

class Derived : Base
{
    public Derived(int seed) : base(seed) { }
    public override int Virtual(int a, int b) { return a - b - seed; }
    public Binary BaseVirtual() { return base.Virtual; }
}

class DelegatesBasic
{
    static int Static(int a, int b) { return a * 1000 + b; }
    static void Double(ref int x, out string text) { x *= 2; text = "doubled to " + x; }
    static long AllOf(byte a, short b, int c, long d, float e, double f, string g, object h, char i, bool j)
    {
        return a + b + c + d + (long)e + (long)f + g.Length + (h == null ? 0 : 1) + i + (j ? 1 : 0);
    }
    static Pair MakePair(int a, int b) { return new Pair { A = a, B = b, C = a * b }; }
    static int Apply(Binary f, int a, int b) { return f(a, b); }

    static Binary Choose(string op)
    {
        switch (op)
        {
            case "+": return (a, b) => a + b;
            case "-": return (a, b) => a - b;
            case "*": return (a, b) => a * b;
            default: return null;
        }
    }

    static void Main()
    {
        Binary f = Static;
        Console.WriteLine(f(1, 2));
        Console.WriteLine(f.Invoke(3, 4));
        Console.WriteLine(Apply(f, 5, 6));
        Base plain = new Base(7), derived = new Derived(9);
        f = plain.Add;
        Console.WriteLine(f(1, 2));
        f = derived.Add;
        Console.WriteLine(f(1, 2));
        f = plain.Virtual;
        Console.WriteLine(f(3, 4));
        f = derived.Virtual;
        Console.WriteLine(f(3, 4));
        f = ((Derived)derived).BaseVirtual();
        Console.WriteLine(f(3, 4));

        Effect effect = Double;
        int x = 21;
        string text;
        effect(ref x, out text);
        Console.WriteLine(x + " " + text);
        Wide wide = AllOf;
        Console.WriteLine(wide(1, 2, 3, 4, 5.5f, 6.5, "seven", "8", '\n', true));
        Make make = MakePair;
        Pair pair = make(6, 7);
        Console.WriteLine(pair.A + " " + pair.B + " " + pair.C);

        Func<long> total = pair.Total;
        Func<int, long> plus = pair.Plus;
        pair.A = 1000000;
        Console.WriteLine(total() + " " + pair.Total() + " " + plus(1));
        string s = "abcdef";
        Func<int, string> substring = s.Substring;
        Console.WriteLine(substring(3));
        Func<string> toString = 42.ToString;
        Console.WriteLine(toString());

        foreach (string op in new string[] { "+", "-", "*", "?" })
        {
            Binary chosen = Choose(op);
            try { Console.WriteLine(op + " " + Apply(chosen, 12, 5)); }
            catch (NullReferenceException) { Console.WriteLine(op + " is null"); }
        }
        Base nobody = null;
        try { f = nobody.Virtual; Console.WriteLine("made"); }
        catch (NullReferenceException) { Console.WriteLine("no virtual method of null"); }
        try { f = nobody.Add; Console.WriteLine("made"); }
        catch (ArgumentException) { Console.WriteLine("no method of null"); }

        Binary one = plain.Add, two = plain.Add, three = derived.Add;
        Console.WriteLine(one == two);
        Console.WriteLine(one.Equals(two));
        Console.WriteLine(one == three);
        Console.WriteLine(one != null);
        Console.WriteLine(ReferenceEquals(one.Target, plain));
        Console.WriteLine(new Binary(Static).Target == null);
        Console.WriteLine(((object)one) is Binary);
        Console.WriteLine(((object)one) is Effect);
    }
}
