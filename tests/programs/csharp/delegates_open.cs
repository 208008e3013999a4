// Delegates without a target over virtual methods: of generic classes, of interfaces with several instances, generic ones, on boxed values and on null.
using System;

interface IBox<T> { string Put(T x); }

class Boxes : IBox<string>, IBox<object>, IBox<int>
{
    string IBox<string>.Put(string x) { return "string " + x; }
    string IBox<object>.Put(object x) { return "object " + x; }
    string IBox<int>.Put(int x) { return "int " + x; }
}

class Base<T>
{
    public virtual string Name(T x) { return typeof(T) + " " + x; }
    public virtual string Many<U>(U u) { return typeof(T) + " " + typeof(U) + " " + u; }
}

class Derived<T> : Base<T>
{
    public override string Name(T x) { return "derived " + base.Name(x); }
    public override string Many<U>(U u) { return "derived " + base.Many(u); }
}

struct Wide { public long a, b, c, d; }

class Sums
{
    public virtual Wide Add(long x, Wide w, double y, int a, int b, int c, int d) { w.a += x + (long)y; w.d += a + 10 * b + 100 * c + 1000 * d; return w; }
}

class MoreSums : Sums
{
    public override Wide Add(long x, Wide w, double y, int a, int b, int c, int d) { w = base.Add(x, w, y, a, b, c, d); w.b = -1; return w; }
}

delegate Wide Adding(Sums s, long x, Wide w, double y, int a, int b, int c, int d);

static class DelegatesOpen
{
    static D Make<D>(Type t, string name) { return (D)(object)Delegate.CreateDelegate(typeof(D), t.GetMethod(name)); }

    static void Try(Action a)
    {
        try { a(); }
        catch (Exception e) { Console.WriteLine(e.GetType()); }
    }

    static void Main()
    {
        var boxes = new Boxes();
        Console.WriteLine(Make<Func<IBox<string>, string, string>>(typeof(IBox<string>), "Put")(boxes, "s"));
        Console.WriteLine(Make<Func<IBox<object>, object, string>>(typeof(IBox<object>), "Put")(boxes, "o"));
        Console.WriteLine(Make<Func<IBox<int>, int, string>>(typeof(IBox<int>), "Put")(boxes, 5));
        Console.WriteLine(Make<Func<Base<string>, string, string>>(typeof(Base<string>), "Name")(new Derived<string>(), "s"));
        Console.WriteLine(Make<Func<Base<int>, int, string>>(typeof(Base<int>), "Name")(new Derived<int>(), 5));
        Console.WriteLine(Make<Func<Base<int>, int, string>>(typeof(Base<int>), "Name")(new Base<int>(), 5));
        Console.WriteLine(Make<Func<object, string>>(typeof(object), "ToString")(DayOfWeek.Friday));
        foreach (Sums s in new[] { new Sums(), new MoreSums() })
        {
            Wide w = Make<Adding>(typeof(Sums), "Add")(s, 5, new Wide { a = 1, b = 2, c = 3, d = 4 }, 2.5, 1, 2, 3, 4);
            Console.WriteLine("{0} {1} {2} {3}", w.a, w.b, w.c, w.d);
        }
        Try(() => Console.WriteLine(Make<Func<object, string>>(typeof(object), "ToString")(null)));
        Try(() => Console.WriteLine(Make<Func<IBox<int>, int, string>>(typeof(IBox<int>), "Put")(null, 1)));

        var many = typeof(Base<string>).GetMethod("Many");
        foreach (Type t in new[] { typeof(string), typeof(object) })
        {
            Type function = typeof(Func<,,>).MakeGenericType(typeof(Base<string>), t, typeof(string));
            Console.WriteLine(Delegate.CreateDelegate(function, many.MakeGenericMethod(t)).DynamicInvoke(new Derived<string>(), "u"));
        }
    }
}
