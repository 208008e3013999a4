using System;

struct Bits { public int A; public long B; }
struct Texts { public string S; public int N; }
struct Nested { public Texts T; public Bits B; public object O; }
struct Padded { public byte A; public long B; public byte C; }
struct Custom
{
    public int A, Ignored;
    public override bool Equals(object o) { return o is Custom && ((Custom)o).A == A; }
    public override int GetHashCode() { return A * 7; }
    public static bool operator ==(Custom x, Custom y) { return x.A == y.A; }
    public static bool operator !=(Custom x, Custom y) { return !(x == y); }
    public override string ToString() { return "custom " + A; }
}
struct Typed : IEquatable<Typed>
{
    public int A;
    public bool Equals(Typed o) { return o.A % 10 == A % 10; }
}

class StructsEquality
{
    static bool Equal<T>(T a, T b) { return a.Equals(b); }
    static bool EqualTyped<T>(T a, T b) where T : IEquatable<T> { return a.Equals(b); }

    static void Main()
    {
        Bits a = new Bits { A = 1, B = 2 }, b = a;
        Console.WriteLine(a.Equals(b));
        b.B++;
        Console.WriteLine(a.Equals(b));
        Console.WriteLine(a.Equals(null));
        Console.WriteLine(a.Equals("text"));
        Console.WriteLine(a.Equals(new Padded()));
        Console.WriteLine(Equal(a, a));
        Console.WriteLine(Equal<object>(a, b));
        Console.WriteLine(a.GetHashCode() == new Bits { A = 1, B = 2 }.GetHashCode());

        string text = "a";
        Texts t = new Texts { S = text + "b", N = 1 }, u = new Texts { S = "ab", N = 1 };
        Console.WriteLine(t.Equals(u));
        u.S = null;
        Console.WriteLine(t.Equals(u));
        Console.WriteLine(u.Equals(t));
        t.S = null;
        Console.WriteLine(t.Equals(u));
        t.N = 2;
        Console.WriteLine(t.Equals(u));

        Nested n = new Nested { T = { S = text + "x", N = 3 }, B = a, O = 5 };
        Nested m = new Nested { T = { S = "ax", N = 3 }, B = a, O = 5 };
        Console.WriteLine(n.Equals(m));
        m.O = 6;
        Console.WriteLine(n.Equals(m));
        m.O = null;
        Console.WriteLine(n.Equals(m));

        Padded p = new Padded { A = 1, B = 2, C = 3 }, q = new Padded { A = 1, B = 2, C = 3 };
        Console.WriteLine(p.Equals(q));
        q.C = 4;
        Console.WriteLine(p.Equals(q));

        Custom c = new Custom { A = 1, Ignored = 5 }, d = new Custom { A = 1, Ignored = 6 };
        Console.WriteLine(c.Equals(d));
        Console.WriteLine(c == d);
        Console.WriteLine(c != d);
        Console.WriteLine(Equal(c, d));
        Console.WriteLine(c.GetHashCode() + " " + c);
        object boxed = c;
        Console.WriteLine(boxed.Equals(d) + " " + boxed.GetHashCode() + " " + boxed);
        Console.WriteLine(Equals(boxed, d) + " " + ReferenceEquals(boxed, boxed) + " " + ReferenceEquals(c, c));

        Typed x = new Typed { A = 5 }, y = new Typed { A = 15 };
        Console.WriteLine(x.Equals(y) + " " + Equal(x, y) + " " + EqualTyped(x, y) + " " + x.Equals((object)y));
        Console.WriteLine(5.Equals(5) + " " + 5.Equals(5L) + " " + 5L.Equals(5) + " " + 'x'.Equals('x') + " " + true.Equals(false));
        Console.WriteLine(((object)5).Equals(5) + " " + ((object)5).Equals((short)5) + " " + ((object)5 == (object)5));
        Console.WriteLine(0.0.Equals(-0.0) + " " + double.NaN.Equals(double.NaN) + " " + (double.NaN == double.NaN));
    }
}
