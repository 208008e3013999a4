//! flags: -optimize+
// Delegates that are probably over the default comparer's method, and those that are not.
using System;
using System.Collections.Generic;

struct Pair : IComparable<Pair>
{
    public int A, B;
    public Pair(int a, int b) { A = a; B = b; }
    public int CompareTo(Pair other) { return A != other.A ? A.CompareTo(other.A) : other.B.CompareTo(B); }
    public override string ToString() { return A + "/" + B; }
}

sealed class Backwards : IComparer<int>
{
    public int Calls;
    public int Compare(int x, int y) { Calls++; return y.CompareTo(x); }
}

static class Program
{
    static int Twice(Comparison<int> compare, int x, int y) { return compare(x, y) * 10 + compare(y, x); }

    static int Unsigned(int x, int y) { return ((uint)x).CompareTo((uint)y); }

    static void Show<T>(string title, List<T> list) { Console.WriteLine(title + ": " + string.Join(" ", list)); }

    static T Thrown<T>(Func<T> action)
    {
        try { return action(); }
        catch (Exception e)
        {
            Console.WriteLine(e.GetType().Name + (e.InnerException != null ? " of " + e.InnerException.GetType().Name : ""));
            return default(T);
        }
    }

    static void Main()
    {
        var ints = new List<int>();
        for (int i = 0; i < 40; i++) ints.Add((i * 7919 + 13) % 101 - 50);
        var sorted = new List<int>(ints);
        sorted.Sort();
        Show("ints", sorted);
        sorted = new List<int>(ints);
        sorted.Sort(Unsigned);
        Show("unsigned", sorted);
        var backwards = new Backwards();
        sorted = new List<int>(ints);
        sorted.Sort(backwards);
        Show("backwards", sorted);
        Console.WriteLine(backwards.Calls > 40);
        sorted.Sort((x, y) => (x & 7) != (y & 7) ? (x & 7) - (y & 7) : x - y);
        Show("lambda", sorted);

        var doubles = new List<double> { 3.5, double.NaN, -1, double.NegativeInfinity, 0, double.NaN, 7, -0.0 };
        doubles.Sort();
        Show("doubles", doubles.ConvertAll(d => double.IsNaN(d) ? "nan" : d.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        var pairs = new List<Pair>();
        for (int i = 0; i < 20; i++) pairs.Add(new Pair(i * 37 % 5, i));
        pairs.Sort();
        Show("pairs", pairs);
        var days = new List<DayOfWeek> { DayOfWeek.Friday, DayOfWeek.Monday, DayOfWeek.Sunday };
        days.Sort();
        Show("days", days);
        var maybe = new List<int?> { 3, null, -4, 9, null };
        maybe.Sort();
        Show("maybe", maybe.ConvertAll(n => n.HasValue ? n.ToString() : "none"));
        var words = new List<string> { "pear", "apple", null, "fig" };
        words.Sort();
        Show("words", words.ConvertAll(w => w ?? "null"));

        Comparison<int> usual = Comparer<int>.Default.Compare;
        Comparison<int> odd = Unsigned;
        Comparison<int> both = usual + odd, other = odd + usual;
        Console.WriteLine(Twice(usual, -1, 1) + " " + Twice(odd, -1, 1) + " " + Twice(both, -1, 1) + " " + Twice(other, -1, 1));
        Console.WriteLine(Twice(both - odd, -1, 1) + " " + (both - odd == usual) + " " + (usual.Method.Name) + " " + (usual.Target == Comparer<int>.Default));
        var instance = (Comparison<int>)Delegate.CreateDelegate(typeof(Comparison<int>), new Backwards(), "Compare");
        Console.WriteLine(Twice(instance, 3, 4));
        var nothing = (Comparison<int>)Delegate.CreateDelegate(typeof(Comparison<int>), null, Comparer<int>.Default.GetType().GetMethod("Compare"));
        Console.WriteLine(Twice(nothing, 3, 4));
        Console.WriteLine(Thrown(() => Twice(null, 1, 2)));
        Console.WriteLine(Thrown(() => { ints.Sort((x, y) => { throw new ArgumentException(); }); return 0; }));
        int depth = 0;
        Comparison<int> again = null;
        again = (x, y) => depth++ < 5 ? again(y, x) : usual(x, y);
        Console.WriteLine(again(1, 2));
    }
}
