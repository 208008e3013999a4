// What the generated methods share.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

class Fuel : Exception { }
class Mine : Exception { public int code; public Mine(int code) { this.code = code; } }
enum Color { Red, Green = 5, Blue = -3 }
[Flags] enum Bits : byte { None, A = 1, B = 2, C = 128 }

interface IShape { int Area(int x); }
interface IHolder<T> { T Held { get; set; } }
abstract class Shape : IShape
{
    public int side; public long weight; public Shape next;
    public abstract int Area(int x);
    public virtual string Name { get { return "shape" + side; } }
    public override string ToString() { return Name; }
}
class Square : Shape { public override int Area(int x) { return side * x; } }
class Cube : Square { public override int Area(int x) { return base.Area(x) * 6; } public override string Name { get { return "cube"; } } }
sealed class Disc : Shape { public double radius = 1.5; public override int Area(int x) { return (int)(radius * x) + side; } }

struct Point : IShape
{
    public int x, y; public long z;
    public Point(int x, int y) { this.x = x; this.y = y; z = x ^ y; }
    public int Area(int k) { x += k; return x * y; }
    public static Point operator +(Point a, Point b) { return new Point(a.x + b.x, a.y - b.y); }
    public override int GetHashCode() { return x * 31 + y + (int)z; }
}
struct Mixed { public byte b; public double d; public string s; public Point p; public short h; }
class Holder<T> : IHolder<T> { public T Held { get; set; } public static int made; public Holder(T held) { Held = held; made++; } }
struct Pair<A, B>
{
    public A first; public B second;
    public Pair(A a, B b) { first = a; second = b; }
    public Pair<B, A> Swapped() { return new Pair<B, A>(second, first); }
}
class Resource : IDisposable { public static int open; public Resource() { open++; } public void Dispose() { open--; } }

static class G
{
    public static int fuel;
    public static int si; public static long sl; public static double sd; public static string ss = ""; public static Point sp; public static int[] sa;
    static readonly StringBuilder output = new StringBuilder();

    public static void Turn() { if (--fuel < 0) throw new Fuel(); }
    public static void Reset() { fuel = 2000; si = 7; sl = -9; sd = 0.5; ss = "static"; sp = new Point(3, 4); sa = new int[6]; Holder<int>.made = Holder<string>.made = 0; Resource.open = 0; }

    public static long Hash(long h, long v) { return h * 1000003 + v; }
    public static long Hash(long h, double d) { return Hash(h, double.IsNaN(d) ? 1 : BitConverter.DoubleToInt64Bits(d)); }
    public static long Hash(long h, float f) { return Hash(h, (double)f); }
    public static long Hash(long h, ulong v) { return Hash(h, (long)v); }
    public static long Hash(long h, bool b) { return Hash(h, b ? 1L : 2L); }
    public static long Hash(long h, string s) { if (s == null) return Hash(h, 3L); foreach (char c in s) h = Hash(h, (long)c); return Hash(h, (long)s.Length); }
    public static long Hash(long h, int[] a) { if (a == null) return Hash(h, 4L); foreach (int i in a) h = Hash(h, (long)i); return Hash(h, (long)a.Length); }
    public static long Hash(long h, List<int> a) { if (a == null) return Hash(h, 4L); foreach (int i in a) h = Hash(h, (long)i); return Hash(h, (long)a.Count); }
    public static long Hash(long h, double[] a) { if (a == null) return Hash(h, 4L); foreach (double i in a) h = Hash(h, i); return h; }
    public static long Hash(long h, byte[] a) { if (a == null) return Hash(h, 4L); foreach (byte i in a) h = Hash(h, (long)i); return h; }
    public static long Hash(long h, Point[] a) { if (a == null) return Hash(h, 4L); foreach (Point i in a) h = Hash(h, i); return h; }
    public static long Hash(long h, Point p) { return Hash(Hash(Hash(h, (long)p.x), (long)p.y), p.z); }
    public static long Hash(long h, Mixed m) { return Hash(Hash(Hash(Hash(Hash(h, (long)m.b), m.d), m.s), m.p), (long)m.h); }
    public static long Hash(long h, Shape s) { return s == null ? Hash(h, 5L) : Hash(Hash(h, s.Name), (long)s.side); }
    public static long Hash(long h, int? n) { return n.HasValue ? Hash(h, (long)n.Value) : Hash(h, 6L); }
    public static long Hash(long h, decimal d) { return Hash(h, d.ToString(System.Globalization.CultureInfo.InvariantCulture)); }
    public static long Hash(long h, Color c) { return Hash(h, (long)c); }
    public static long Hash(long h, Func<int, int> f) { return f == null ? Hash(h, 8L) : Hash(h, (long)f(3)); }
    public static long Hash(long h, object o)
    {
        if (o == null) return Hash(h, 7L);
        if (o is int) return Hash(h, (long)(int)o);
        if (o is string) return Hash(h, (string)o);
        if (o is Point) return Hash(h, (Point)o);
        if (o is double) return Hash(h, (double)o);
        return Hash(h, o.GetType().Name);
    }
    public static long Hash(long h, Pair<int, string> p) { return Hash(Hash(h, (long)p.first), p.second); }

    // Small generic, ref, params and iterator methods.
    public static T Id<T>(T value) { return value; }
    public static T Pick<T>(bool which, T a, T b) { return which ? a : b; }
    public static void Swap<T>(ref T a, ref T b) { T t = a; a = b; b = t; }
    public static int Bump(ref int n) { return n++ * 3; }
    public static bool Halve(int n, out int half) { half = n / 2; return n % 2 == 0; }
    public static int Sum(params int[] all) { int s = 0; foreach (int n in all) s += n; return s; }
    public static int AreaOf<T>(T shape, int x) where T : IShape { return shape.Area(x) + shape.Area(1); }
    public static int AreaOf(IShape shape, int x) { return shape.Area(x); }
    public static T Make<T>() where T : new() { return new T(); }
    public static bool Same<T>(T a, T b) where T : IComparable<T> { return a.CompareTo(b) == 0; }
    public static int Default(int a, int b = 11, int c = 5) { return a * b - c; }
    public static IEnumerable<int> Count(int n) { for (int i = 0; i < n; i++) { if (i == 5) yield break; yield return i * i - n; } }
    public static IEnumerable<T> Twice<T>(IEnumerable<T> all) { foreach (T t in all) { try { yield return t; } finally { si++; } yield return t; } }
    public static string Cut(string s, int n) { return s.Length == 0 ? s : s.Substring(0, (n & 0x7fffffff) % s.Length); }
    public static Shape NewShape(int n) { switch (n % 4) { case 0: return new Square { side = n }; case 1: return new Cube { side = n }; case 2: return new Disc { side = n }; default: return null; } }

    public static void Show(string name, Func<long> method)
    {
        Reset();
        long h;
        string thrown = "";
        try { h = method(); }
        catch (Exception e) { h = 0; thrown = " " + e.GetType().Name; }
        h = Hash(Hash(Hash(Hash(Hash(h, (long)si), sl), sd), ss), sp);
        output.Append(name).Append(' ').Append(h.ToString("x")).Append(thrown).Append('\n');
        if (output.Length > 2000) Flush();
    }
    public static void Flush() { Console.Write(output.ToString()); output.Clear(); }
}
