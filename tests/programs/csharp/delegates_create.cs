// Delegates made by reflection: over null, over methods of generic classes, with a wrong pointer; hashes of enums.
using System;
using System.Collections.Generic;
using System.Reflection;

enum Small : sbyte { A = 1, B = -2, C = 100 }
enum Wide : short { A = 1, B = -2, C = 1000 }

class Cell
{
    public string Plain() { return "plain"; }
    public virtual string Virtual() { return "virtual"; }
    public static string Static(object o) { return o == null ? "null" : o.ToString(); }
}

class Source<T>
{
    readonly T value;
    public Source(T value) { this.value = value; }
    public Func<T> Lazy() { return () => value; }
    public Action<object, EventArgs> Handler() { return (sender, e) => Console.WriteLine("{0} {1}", typeof(T), value); }
}

class Program
{
    static Func<U> Closure<U>(U a) { return () => a; }

    static void Main()
    {
        foreach (string name in new[] { "Plain", "Virtual", "Static" })
        {
            var f = (Func<string>)Delegate.CreateDelegate(typeof(Func<string>), null, typeof(Cell).GetMethod(name));
            Console.WriteLine(f());
        }
        var open = (Func<Cell, string>)Delegate.CreateDelegate(typeof(Func<Cell, string>), null, typeof(Cell).GetMethod("Virtual"));
        Console.WriteLine(open(new Cell()));
        var bound = (Func<string>)Delegate.CreateDelegate(typeof(Func<string>), new Cell(), "Virtual");
        Console.WriteLine("{0} {1}", bound(), bound.Method);

        Show(new Source<string>("text").Lazy());
        Show(new Source<Type>(typeof(int)).Lazy());
        Show(new Source<int>(5).Lazy());
        Show(Closure("closed"));
        for (int i = 0; i < 2; i++) Console.WriteLine(Closure("again").DynamicInvoke());
        var h = new Source<string>("handled").Handler();
        var e = (EventHandler)Delegate.CreateDelegate(typeof(EventHandler), h.Target, h.Method);
        e(null, EventArgs.Empty);

        try { typeof(Action).GetConstructors()[0].Invoke(new object[] { new Cell(), IntPtr.Zero }); }
        catch (TargetInvocationException x) { Console.WriteLine(x.InnerException.GetType()); }

        foreach (Small s in Enum.GetValues(typeof(Small)))
            Console.WriteLine("{0} {1} {2}", s, s.GetHashCode() == ((sbyte)s).GetHashCode(), EqualityComparer<Small>.Default.GetHashCode(s) == s.GetHashCode());
        foreach (Wide w in Enum.GetValues(typeof(Wide)))
            Console.WriteLine("{0} {1} {2}", w, w.GetHashCode() == ((short)w).GetHashCode(), EqualityComparer<Wide>.Default.GetHashCode(w) == w.GetHashCode());
    }

    static void Show(Delegate d)
    {
        Console.WriteLine("{0} {1} {2}", d.DynamicInvoke(), d.Method.ReturnType, d.Method.DeclaringType == d.Target.GetType());
    }
}
