using System;

struct Vector
{
    public int X, Y;
    public Vector(int x, int y) { X = x; Y = y; }
    public void Negate() { this = new Vector(-X, -Y); }
    public void AddTo(ref Vector target) { target.X += X; target.Y += Y; }
    public Vector Self() { return this; }
    public override string ToString() { return "<" + X + " " + Y + ">"; }
}

class Node { public Vector V; public int N; public string S; public Node Next; }

class ByRef
{
    static int global = 1;
    static Vector globalVector = new Vector(1, 1);

    static void Increment(ref int x) { x++; }
    static void Set(out int x, int value) { x = value; }
    static void Swap(ref int a, ref int b) { int t = a; a = b; b = t; }
    static void SwapText(ref string a, ref string b) { string t = a; a = b; b = t; }
    static void SwapVector(ref Vector a, ref Vector b) { Vector t = a; a = b; b = t; }
    static int Both(ref int a, ref int b) { a += 10; b += 100; return a; }
    static void Split(int x, out int high, out int low) { high = x / 10; low = x % 10; }
    static void Long(ref long x) { x *= -3; }
    static void Byte(ref byte x) { x += 200; }
    static void Double(ref double x) { x /= 4; }
    static void Bool(ref bool x) { x = !x; }
    static void Text(ref string x) { x += "!"; }
    static void Make(out Node n) { n = new Node { N = 5 }; }
    static void Chain(ref int x, int depth) { if (depth > 0) { x += depth; Chain(ref x, depth - 1); } }
    static bool TryHalve(int x, out int half)
    {
        half = x / 2;
        return x % 2 == 0;
    }
    static void Throwing(ref int x, out int y)
    {
        x = 50;
        y = 60;
        throw new Exception();
    }

    static void Main()
    {
        int a = 5, b = 7;
        Increment(ref a);
        Swap(ref a, ref b);
        Console.WriteLine(a + " " + b);
        Console.WriteLine(Both(ref a, ref b) + " " + a + " " + b);
        Console.WriteLine(Both(ref a, ref a) + " " + a);
        Set(out a, -4);
        Increment(ref global);
        Console.WriteLine(a + " " + global);
        int high, low;
        Split(87, out high, out low);
        Console.WriteLine(high + " " + low);
        Split(high, out low, out high);
        Console.WriteLine(high + " " + low);

        long l = 1L << 33;
        byte y = 100;
        double d = 10;
        bool t = true;
        string s = "s";
        Long(ref l);
        Byte(ref y);
        Double(ref d);
        Bool(ref t);
        Text(ref s);
        Console.WriteLine(l + " " + y + " " + (int)(d * 10) + " " + t + " " + s);

        var node = new Node { V = new Vector(3, 4), S = "node" };
        Increment(ref node.N);
        Increment(ref node.V.X);
        Text(ref node.S);
        node.V.Negate();
        node.V.AddTo(ref globalVector);
        globalVector.AddTo(ref node.V);
        Console.WriteLine(node.N + " " + node.V + " " + node.S + " " + globalVector);
        Make(out node.Next);
        Chain(ref node.Next.N, 10);
        Console.WriteLine(node.Next.N);
        try { Increment(ref node.Next.Next.N); }
        catch (NullReferenceException) { Console.WriteLine("null node"); }

        int[] array = { 1, 2, 3 };
        Increment(ref array[1]);
        Swap(ref array[0], ref array[2]);
        Console.WriteLine(array[0] + " " + array[1] + " " + array[2]);
        try { Increment(ref array[3]); }
        catch (IndexOutOfRangeException) { Console.WriteLine("no such element"); }
        string[] words = { "x", "y" };
        SwapText(ref words[0], ref words[1]);
        Console.WriteLine(words[0] + words[1]);
        var vectors = new Vector[] { new Vector(1, 2), new Vector(3, 4) };
        SwapVector(ref vectors[0], ref vectors[1]);
        vectors[0].Negate();
        vectors[1].Self().Negate();
        SwapVector(ref vectors[1], ref globalVector);
        Console.WriteLine(vectors[0] + " " + vectors[1] + " " + globalVector);
        int i = 0;
        Set(out array[i++], i * 50);
        Console.WriteLine(array[0] + " " + i);

        int half;
        Console.WriteLine(TryHalve(9, out half) + " " + half + " " + TryHalve(8, out half) + " " + half);
        int p = 1, q = 2;
        try { Throwing(ref p, out q); }
        catch (Exception) { Console.WriteLine(p + " " + q); }
        Action<int> closure = x => { Increment(ref p); p += x; };
        closure(10);
        Console.WriteLine(p);
    }
}
