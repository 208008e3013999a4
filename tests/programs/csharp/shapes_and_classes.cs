//! flags: -optimize+
// What objects say of their classes and arrays of their shape, hash codes of enums, and functions of Math that compilers expand.
using System;
using System.Collections.Generic;

enum Small : sbyte { Low = -7, High = 100 }
enum Bytes : byte { A = 200 }
enum Shorts : short { A = -300, B = 300 }
enum UShorts : ushort { A = 60000 }
enum Ints { A = -5, B = 77 }
enum UInts : uint { A = 4000000000 }
enum Longs : long { A = -5, B = 0x123456789abcdef }
enum ULongs : ulong { A = 0xfedcba9876543210 }

class Animal { public virtual string Name { get { return GetType().Name; } } }
sealed class Cat : Animal { }
class Dog : Animal { public override string Name { get { return "dog " + base.Name; } } }
struct Point { public int X; public string Kind() { return GetType().ToString(); } }

static class Program
{
    static int Count(object[] all, Type wanted)
    {
        int n = 0;
        foreach (object o in all)
            if (o.GetType() == wanted) n++;
        return n;
    }

    static bool Alike(object a, object b) { return a.GetType() == b.GetType(); }

    static string Kind<T>(T value) { return value.GetType().Name; }

    static string Try<T>(Func<T> f)
    {
        try { return f().ToString(); }
        catch (Exception e) { return e.GetType().Name; }
    }

    static string Protected(object o)
    {
        try { return o.GetType().Name; }
        catch (NullReferenceException) { return "null"; }
    }

    static string Shape(Array a)
    {
        string s = a.Rank + ":";
        for (int d = 0; d < a.Rank; d++) s += " " + a.GetLowerBound(d) + ".." + a.GetUpperBound(d) + "(" + a.GetLength(d) + ")";
        return s + " " + a.Length;
    }

    static int First(Array a) { return a.GetLength(0) * 100 + a.GetLowerBound(0); }

    static int Sum(int[,] m)
    {
        int sum = m.Rank;
        for (int i = 0; i < m.GetLength(0); i++)
            for (int j = m.GetLowerBound(1); j <= m.GetUpperBound(1); j++) sum += m[i, j];
        return sum;
    }

    static int Vector(int[] v) { return v.Rank + v.GetLength(0) * 10 + v.GetLowerBound(0) + v.GetUpperBound(0) * 1000; }

    static int Hash<T>(T value) { return value.GetHashCode(); }

    static int Many<T>(T[] values)
    {
        var seen = new Dictionary<T, int>();
        int sum = 0;
        for (int turn = 0; turn < 3; turn++)
            foreach (T v in values)
            {
                int n;
                seen.TryGetValue(v, out n);
                seen[v] = n + 1;
                sum += n;
            }
        return sum * 10 + seen.Count;
    }

    static void Main()
    {
        object[] all = { new Cat(), new Dog(), "text", 5, 5L, Ints.A, new Point(), new int[1], new int[1, 1], new Cat[0], new object(), new List<string>(), new List<int>(), typeof(int), (Action)Main, new Cat() };
        foreach (object o in all) Console.Write(o.GetType() + " ");
        Console.WriteLine();
        for (int turn = 0; turn < 3; turn++)
            Console.WriteLine(Count(all, typeof(Cat)) + " " + Count(all, typeof(int)) + " " + Count(all, typeof(List<string>)) + " " + Count(all, typeof(Animal)) + " " + Count(all, typeof(int[,])));
        Console.WriteLine(Alike(all[0], all[15]) + " " + Alike(all[3], all[4]) + " " + Alike(new int?(3), 4));
        Console.WriteLine(new Cat().Name + " " + new Dog().Name + " " + new Point().Kind());
        Console.WriteLine(Kind(3) + " " + Kind("x") + " " + Kind(Ints.B) + " " + Kind(new Point()) + " " + Kind<object>(2.5) + " " + Try(() => Kind<int?>(null)) + " " + Kind<int?>(7));
        Console.WriteLine(Protected(null) + " " + Protected(all) + " " + Try(() => Kind<string>(null)) + " " + Try(() => ((object)null).GetType()));

        Array odd = Array.CreateInstance(typeof(int), new[] { 2, 3 }, new[] { -1, 5 });
        Array oddVector = Array.CreateInstance(typeof(int), new[] { 4 }, new[] { 10 });
        foreach (Array a in new Array[] { new int[3], new string[0], new int[2, 3], new byte[1, 2, 3], odd, oddVector, new int[4][] }) Console.WriteLine(Shape(a) + " " + First(a));
        Console.WriteLine(Sum(new[,] { { 1, 2, 3 }, { 4, 5, 6 } }) + " " + Vector(new int[7]));
        int[] none = null;
        int[,] nothing = null;
        Console.WriteLine(Try(() => none.Rank) + " " + Try(() => none.GetLength(0)) + " " + Try(() => none.GetLowerBound(0)) + " " + Try(() => nothing.Rank) + " " + Try(() => nothing.GetLength(1)));
        Console.WriteLine(Try(() => new int[3].GetLength(1)) + " " + Try(() => new int[3].GetLength(-1)) + " " + Try(() => new int[3, 2].GetLength(2)) + " " + Try(() => new int[3, 2].GetLowerBound(7)) + " " + Try(() => ((Array)new int[3, 2]).GetLength(1)));

        Console.WriteLine(Hash(Small.Low) + " " + Hash(Small.High) + " " + Hash(Bytes.A) + " " + Hash(Shorts.A) + " " + Hash(Shorts.B) + " " + Hash(UShorts.A));
        Console.WriteLine(Hash(Ints.A) + " " + Hash(Ints.B) + " " + Hash(UInts.A) + " " + Hash(Longs.A) + " " + Hash(Longs.B) + " " + Hash(ULongs.A));
        Console.WriteLine((Hash(Small.Low) == ((object)Small.Low).GetHashCode()) + " " + (Hash(Longs.B) == ((Enum)Longs.B).GetHashCode()) + " " + (Shorts.A.GetHashCode() == ((ValueType)Shorts.A).GetHashCode()) + " " + (Ints.B.GetHashCode() == Hash<object>(Ints.B)));
        Console.WriteLine(Many(new[] { Ints.A, Ints.B }) + " " + Many(new[] { Longs.A, Longs.B, Longs.A }) + " " + Many(new[] { Small.Low, Small.High }) + " " + Many(new[] { 1, 2, 3 }));

        double[] numbers = { 0.5, -0.5, 1.5, 2.5, -2.5, 1e300, -7.25, 4503599627370495.5, double.NegativeInfinity };
        foreach (double d in numbers) Console.Write(Math.Round(d).ToString("R") + "," + Math.Abs(d).ToString("R") + " ");
        Console.WriteLine();
        Console.WriteLine(double.IsNaN(Math.Abs(double.NaN)) + " " + double.IsNaN(Math.Round(double.NaN)) + " " + (1 / Math.Abs(-0.0)) + " " + (1 / Math.Round(-0.3) < 0) + " " + Math.Abs(-2.5f) + " " + Math.Abs(-3m) + " " + Math.Abs(-4) + " " + Math.Round(2.345, 2).ToString("R"));
        Func<double, double> round = Math.Round, abs = Math.Abs;
        Func<object, Type> type = o => o.GetType();
        Console.WriteLine(round(3.5) + " " + abs(-3.5) + " " + type(round).Name);
    }
}
