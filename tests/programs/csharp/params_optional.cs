using System;

class ParamsOptional
{
    static int Sum(params int[] values)
    {
        int sum = 0;
        foreach (int v in values)
            sum += v;
        return sum;
    }

    static string Join(string separator, params object[] items)
    {
        if (items == null) return "(null)";
        string text = "";
        for (int i = 0; i < items.Length; i++)
            text += (i > 0 ? separator : "") + (items[i] ?? "null");
        return text;
    }

    static string Optional(int a, int b = 10, string c = "default", bool d = true, long e = 1L << 40, char f = 'f', double g = 0.5, object h = null, DayOfWeek i = DayOfWeek.Friday)
    {
        return a + " " + b + " " + c + " " + d + " " + e + " " + f + " " + (int)(g * 10) + " " + (h == null) + " " + (int)i;
    }

    static int calls;
    static int Next(int x) { return ++calls * 100 + x; }
    static string Order(int a, int b, int c) { return a + "," + b + "," + c; }

    static string Over(object x) { return "object"; }
    static string Over(string x) { return "string"; }
    static string Over(int x) { return "int"; }
    static string Over(long x) { return "long"; }
    static string Over(double x) { return "double"; }
    static string Over(params int[] x) { return "ints"; }
    static string Over(int x, object y) { return "int object"; }
    static string Over(object x, int y) { return "object int"; }

    class Base { public virtual string Say(string s = "base default") { return "base " + s; } }
    class Derived : Base { public override string Say(string s = "derived default") { return "derived " + s; } }

    static int Many(int a1, int a2, int a3, int a4, int a5, int a6, int a7, int a8, int a9, int a10, int a11, int a12, int a13, int a14, int a15, int a16, int a17, int a18, int a19, int a20)
    {
        return a1 - a2 * 2 + a3 - a4 + a5 * 3 - a6 + a7 - a8 + a9 * 5 - a10 + a11 - a12 + a13 * 7 - a14 + a15 - a16 + a17 - a18 * 11 + a19 - a20;
    }

    static double ManyMixed(double d1, int i1, float f1, long l1, double d2, byte b1, float f2, double d3, double d4, double d5, double d6, double d7, int i2, double d8, double d9, float f3, short s1, double d10)
    {
        return d1 + i1 * 2 + f1 * 3 + l1 * 4 + d2 * 5 + b1 * 6 + f2 * 7 + d3 * 8 + d4 * 9 + d5 * 10 + d6 * 11 + d7 * 12 + i2 * 13 + d8 * 14 + d9 * 15 + f3 * 16 + s1 * 17 + d10 * 18;
    }

    static void Main()
    {
        Console.WriteLine(Sum() + " " + Sum(1) + " " + Sum(1, 2, 3) + " " + Sum(new int[] { 4, 5 }));
        Console.WriteLine(Join("-", 1, "two", 'c', null, 5L, true));
        Console.WriteLine(Join("-") + "|" + Join("-", null) + "|" + Join("-", (object)null) + "|" + Join("-", new object[] { 1, 2 }) + "|" + Join("+", "a", "b"));
        Console.WriteLine(Join("-", new string[] { "x", "y" }) + "|" + Join("-", new int[] { 1 }).Length);
        Console.WriteLine(Optional(1));
        Console.WriteLine(Optional(1, 2, "three"));
        Console.WriteLine(Optional(a: 5, d: false, h: "x"));
        Console.WriteLine(Optional(7, g: 2.5, i: DayOfWeek.Sunday, c: "named"));
        Console.WriteLine(Order(c: Next(1), a: Next(2), b: Next(3)));
        Console.WriteLine(Over("x") + " " + Over(1) + " " + Over(1L) + " " + Over(1.5f) + " " + Over('c') + " " + Over((byte)1) + " " + Over(1u) + " " + Over(1m) + " " + Over() + " " + Over(1, 2, 3) + " " + Over(1, "x") + " " + Over("x", 1));
        Base b = new Derived();
        Console.WriteLine(b.Say() + ", " + new Derived().Say() + ", " + b.Say("given"));
        Console.WriteLine(Many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20));
        Console.WriteLine((int)ManyMixed(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18));
        Action<int, int, int, int, int, int, int, int> eight = (p, q, r, s, t, u, v, w) => Console.WriteLine(p + q * 2 + r * 3 + s * 4 + t * 5 + u * 6 + v * 7 + w * 8);
        eight(1, 2, 3, 4, 5, 6, 7, 8);
        dynamicLength(1, 2);
        dynamicLength("a");
        dynamicLength<object>();
    }

    static void dynamicLength<T>(params T[] items) { Console.WriteLine(items.Length + (items is object[] ? " references" : " values")); }
}
