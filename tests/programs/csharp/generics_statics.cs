using System;

class Counter<T>
{
    public static int Count;
    public static T Last;
    public static readonly int Order = Registry.Next();
    public static readonly T[] Empty = new T[0];

    public static void Add(T x)
    {
        Count++;
        Last = x;
    }

    public int InstanceCount() { return ++Count; }
}

static class Registry
{
    static int next;
    public static int Next() { return ++next; }
}

class WithConstructor<T>
{
    public static string Text;
    static WithConstructor()
    {
        Text = "made as " + Registry.Next();
    }
    public class Nested { public static T Value; public static int Hits; }
    public static U Remember<U>(U x) { Cache<U>.Value = x; return Cache<U>.Value; }
    public static U Recall<U>() { return Cache<U>.Value; }
    static class Cache<U> { public static U Value; }
}

class Singleton<T> where T : class, new()
{
    static T instance;
    public static T Instance { get { return instance ?? (instance = new T()); } }
}

class Service { static int made; public readonly int Number = ++made; }
class Other { static int made = 100; public readonly int Number = ++made; }

class Self<T> where T : Self<T>
{
    public static int Instances;
    public Self() { Instances++; }
}
class Foo : Self<Foo> { }
class Bar : Self<Bar> { }

static class TypeNumber<T>
{
    public static readonly int Value = TypeNumbers.Next();
}
static class TypeNumbers
{
    static int last = 10;
    public static int Next() { return last++; }
    public static int Of<T>() { return TypeNumber<T>.Value; }
}

class GenericsStatics
{
    static void Bump<T>(int n, T x)
    {
        for (int i = 0; i < n; i++)
            Counter<T>.Add(x);
    }

    static void Main()
    {
        Bump(3, 5);
        Bump(4, "x");
        Bump(5, new object());
        Bump(6, 2.5);
        Bump(1, new int[] { 9 });
        Console.WriteLine(Counter<int>.Count + " " + Counter<string>.Count + " " + Counter<object>.Count + " " + Counter<double>.Count + " " + Counter<int[]>.Count + " " + Counter<long>.Count);
        Console.WriteLine(Counter<int>.Last + Counter<string>.Last + Counter<int[]>.Last[0] + (Counter<byte[]>.Last == null));
        Console.WriteLine(new Counter<string>().InstanceCount() + " " + new Counter<int>().InstanceCount());
        int[] orders = { Counter<int>.Order, Counter<string>.Order, Counter<object>.Order, Counter<double>.Order };
        int sum = 0;
        foreach (int o in orders)
            sum += o;
        bool distinct = true;
        for (int i = 0; i < orders.Length; i++)
            for (int j = 0; j < i; j++)
                distinct &= orders[i] != orders[j];
        Console.WriteLine(distinct);
        Console.WriteLine(ReferenceEquals(Counter<string>.Empty, Counter<string>.Empty));
        Console.WriteLine(ReferenceEquals(Counter<string>.Empty, Counter<object>.Empty));

        string first = WithConstructor<int>.Text;
        Console.WriteLine(first == WithConstructor<int>.Text);
        Console.WriteLine(first == WithConstructor<string>.Text);
        WithConstructor<string>.Nested.Value = "nested";
        WithConstructor<string>.Nested.Hits++;
        WithConstructor<object>.Nested.Value = 5;
        Console.WriteLine(WithConstructor<string>.Nested.Value + WithConstructor<string>.Nested.Hits + WithConstructor<object>.Nested.Hits + WithConstructor<object>.Nested.Value);
        WithConstructor<int>.Remember("int string");
        WithConstructor<string>.Remember("string string");
        WithConstructor<string>.Remember(7);
        Console.WriteLine(WithConstructor<int>.Recall<string>() + "," + WithConstructor<string>.Recall<string>() + "," + WithConstructor<string>.Recall<int>() + "," + WithConstructor<int>.Recall<int>());

        Console.WriteLine(Singleton<Service>.Instance.Number + " " + Singleton<Service>.Instance.Number + " " + Singleton<Other>.Instance.Number);
        new Foo();
        new Foo();
        new Bar();
        Console.WriteLine(Self<Foo>.Instances + " " + Bar.Instances);
        Console.WriteLine(TypeNumbers.Of<int>() + " " + TypeNumbers.Of<string>() + " " + TypeNumbers.Of<int>() + " " + TypeNumbers.Of<object>() + " " + TypeNumbers.Of<string>());
    }
}
