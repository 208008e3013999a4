using System;

interface IValue { int Value { get; set; } string Show(); }

class Reference : IValue
{
    public int Value { get; set; }
    public string Show() { return "ref " + Value; }
    public Reference() { Value = 1; }
}

struct Plain : IValue
{
    int value;
    public int Value { get { return value; } set { this.value = value; } }
    public string Show() { return "val " + value; }
    public override string ToString() { return "plain " + value; }
}

struct NoOverrides { public int X; }

abstract class Base { public abstract int Id(); public virtual string Tag { get { return "base"; } } }
class First : Base { public override int Id() { return 1; } }
class Second : Base { public override int Id() { return 2; } public override string Tag { get { return "second"; } } }

class Factory<T> where T : Base, new()
{
    public T Make() { return new T(); }
    public int Twice() { return new T().Id() + Make().Id(); }
}

class GenericsConstraints
{
    static T Create<T>() where T : new() { return new T(); }
    static int Bump<T>(T x) where T : IValue { x.Value += 10; x.Value += 5; return x.Value; }
    static int BumpRef<T>(ref T x) where T : IValue { x.Value += 10; return x.Value; }
    static string ShowAll<T>(params T[] items) where T : IValue
    {
        string text = "";
        for (int i = 0; i < items.Length; i++)
        {
            items[i].Value += i;
            text += items[i].Show() + ";";
        }
        return text;
    }
    static string Text<T>(T x) { return x.ToString(); }
    static bool Same<T>(T a, T b) { return a.Equals(b); }
    static int Hash<T>(T x) { return x.GetHashCode(); }
    static bool IsNull<T>(T x) { return x == null; }
    static bool SameReference<T>(T a, T b) where T : class { return a == b; }
    static T? Wrap<T>(T x, bool has) where T : struct { return has ? x : (T?)null; }
    static int Compare<T>(T a, T b) where T : IComparable<T> { int c = a.CompareTo(b); return c < 0 ? -1 : c > 0 ? 1 : 0; }
    static int CallId<T>(T x) where T : Base { return x.Id() * 10 + x.Tag.Length; }
    static U Upcast<T, U>(T x) where T : U { return x; }

    static T Sum<T>(T[] items, Func<T, T, T> add) where T : struct
    {
        T total = new T();
        foreach (T item in items)
            total = add(total, item);
        return total;
    }

    static void Sort<T>(T[] items) where T : IComparable<T>
    {
        for (int i = 1; i < items.Length; i++)
            for (int j = i; j > 0 && items[j - 1].CompareTo(items[j]) > 0; j--)
            {
                T t = items[j];
                items[j] = items[j - 1];
                items[j - 1] = t;
            }
    }

    static void Main()
    {
        Console.WriteLine(Create<Reference>().Show() + " " + Create<Plain>().Show() + " " + Create<int>() + " " + (Create<object>() != null));
        Console.WriteLine(Create<First>().Id() + Create<Second>().Tag);
        var reference = new Reference();
        var plain = new Plain();
        IValue boxed = plain;
        Console.WriteLine(Bump(reference) + " " + reference.Value);
        Console.WriteLine(Bump(plain) + " " + plain.Value);
        Console.WriteLine(Bump(boxed) + " " + boxed.Value + " " + plain.Value);
        Console.WriteLine(BumpRef(ref plain) + " " + plain.Value);
        Console.WriteLine(BumpRef(ref boxed) + " " + boxed.Value);
        Console.WriteLine(BumpRef(ref reference) + " " + reference.Value);
        Console.WriteLine(ShowAll(plain, plain, new Plain()) + ShowAll(reference, reference) + ShowAll<IValue>(reference, plain, boxed));
        Console.WriteLine(Text(5) + Text("s") + Text(plain) + Text('c') + Text(true) + Text(5L));
        Console.WriteLine(Same(5, 5) + " " + Same("a" + Text(1), "a1") + " " + Same(new NoOverrides { X = 3 }, new NoOverrides { X = 3 }) + " " + Same(new NoOverrides { X = 3 }, new NoOverrides()));
        Console.WriteLine(Hash(77) + " " + Hash(true) + " " + (Hash("x") == "x".GetHashCode()));
        Console.WriteLine(IsNull(5) + " " + IsNull("") + " " + IsNull<string>(null) + " " + IsNull<int?>(null) + " " + IsNull<int?>(5));
        Console.WriteLine(SameReference("a", "a") + " " + SameReference(new object(), new object()));
        Console.WriteLine(Wrap(5, true) + "|" + Wrap(5, false) + "|" + Wrap('x', true));
        Console.WriteLine(Compare(1, 2) + " " + Compare("b", "a") + " " + Compare(5L, 5L) + " " + Compare('z', 'a') + " " + Compare((byte)3, (byte)200));
        Console.WriteLine(CallId(new First()) + " " + CallId(new Second()) + " " + CallId<Base>(new Second()));
        Console.WriteLine(new Factory<First>().Twice() + " " + new Factory<Second>().Twice() + new Factory<Second>().Make().Tag);
        Console.WriteLine(Upcast<Second, Base>(new Second()).Id() + " " + Upcast<string, object>("up") + " " + Upcast<int, object>(5) + " " + Upcast<int, IComparable>(6).CompareTo(6));
        Console.WriteLine(Sum(new int[] { 1, 2, 3 }, (a, b) => a + b) + " " + Sum(new long[] { 1L << 40, 2 }, (a, b) => a + b) + " " + (int)Sum(new double[] { 1.5, 2.5 }, (a, b) => a + b));
        int[] ints = { 5, 2, 8, 1, 9, 3 };
        Sort(ints);
        string[] words = { "pear", "apple", "fig" };
        Array.Sort(words, string.CompareOrdinal);
        Console.WriteLine(string.Join(",", words));
        foreach (int i in ints)
            Console.WriteLine(i);
    }
}
