using System;

delegate R Convert<in T, out R>(T value);
delegate bool Test<T>(T value);

class Shape { public virtual string Kind { get { return "shape"; } } }
class Circle : Shape { public override string Kind { get { return "circle"; } } }

class Box<T>
{
    T content;
    public Box(T content) { this.content = content; }
    public T Get() { return content; }
    public bool Is(T other) { return content.Equals(other); }
    public Box<R> Map<R>(Func<T, R> f) { return new Box<R>(f(content)); }
    public static Box<T> Make(T x) { return new Box<T>(x); }
    public Func<T> Getter { get { return Get; } }
}

class DelegatesGeneric
{
    static string Describe(Shape s) { return "a " + s.Kind; }
    static Circle NewCircle(string name) { return new Circle(); }
    static T Identity<T>(T x) { return x; }
    static T Second<T, U>(U first, T second) { return second; }

    static T[] Where<T>(T[] items, Test<T> test)
    {
        int n = 0;
        foreach (T item in items)
            if (test(item))
                n++;
        var result = new T[n];
        n = 0;
        foreach (T item in items)
            if (test(item))
                result[n++] = item;
        return result;
    }

    static R[] Select<T, R>(T[] items, Func<T, R> f)
    {
        var result = new R[items.Length];
        for (int i = 0; i < items.Length; i++)
            result[i] = f(items[i]);
        return result;
    }

    static Func<T> Lazy<T>(Func<T> make)
    {
        bool made = false;
        T value = default(T);
        return () =>
        {
            if (!made)
            {
                value = make();
                made = true;
            }
            return value;
        };
    }

    static void Main()
    {
        Convert<Shape, string> describe = Describe;
        Convert<Circle, string> describeCircle = describe;
        Convert<Circle, object> describeObject = describe;
        Console.WriteLine(describeCircle(new Circle()));
        Console.WriteLine((string)describeObject(new Circle()));
        Convert<string, Shape> make = NewCircle;
        Console.WriteLine(make("x").Kind);
        object untyped = describe;
        Console.WriteLine(untyped is Convert<Shape, string>);
        Console.WriteLine(untyped is Convert<Circle, object>);
        Console.WriteLine(untyped is Convert<object, string>);

        Func<int, int> identity = Identity<int>;
        Func<string, string> identityText = Identity<string>;
        Func<double, double> identityDouble = Identity<double>;
        Console.WriteLine(identity(5) + identityText("five") + (int)identityDouble(5.5));
        Func<string, long, long> second = Second<long, string>;
        Func<long, string, string> other = Second<string, long>;
        Console.WriteLine(second("a", 7) + other(8, "b"));

        Console.WriteLine(string.Join(",", Select(Where(new int[] { 1, 2, 3, 4, 5, 6 }, x => x % 2 == 0), x => "e" + x)));
        Console.WriteLine(Where(new string[] { "a", "bb", "ccc" }, s => s.Length > 1).Length);
        long[] squares = Select(new int[] { 100000, 200000 }, x => (long)x * x);
        Console.WriteLine(squares[0] + squares[1]);

        var box = new Box<int>(20);
        Func<int> get = box.Get;
        Console.WriteLine(get() + box.Map(x => x + 0.5).Map(d => (int)(d * 2)).Map(i => "text " + i).Get());
        Test<int> isTwenty = box.Is;
        Console.WriteLine(isTwenty(20) + " " + isTwenty(21));
        Func<string, Box<string>> maker = Box<string>.Make;
        Console.WriteLine(maker("made").Getter());

        int runs = 0;
        Func<string> lazy = Lazy(() => { runs++; return "value"; });
        Console.WriteLine(lazy() + lazy() + runs);
        Func<int> lazyInt = Lazy(() => ++runs);
        Console.WriteLine(lazyInt() + lazyInt() + runs);
        Predicate<int> predicate = x => x > 3;
        Comparison<string> comparison = string.CompareOrdinal;
        Console.WriteLine(predicate(4) + " " + (comparison("a", "b") < 0));
    }
}
