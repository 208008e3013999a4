using System;
using System.Linq;
using System.Reflection;

// The methods that the runtime gives to arrays, through reflection.
class Program
{
    static void Show(Type t)
    {
        Console.WriteLine(t);
        foreach (var c in t.GetConstructors())
            Console.WriteLine("  {0} {1}", c, c.Attributes);
        foreach (string name in new[] { "Get", "Set", "Address" })
        {
            MethodInfo m = t.GetMethod(name);
            Console.WriteLine("  {0} {1} {2} {3}", m, m.Attributes, m.DeclaringType, m.GetParameters().Length);
        }
    }

    static void Refused(Action action)
    {
        try { action(); }
        catch (Exception e) { Console.WriteLine("{0} {1}", e.GetType(), e.InnerException == null ? null : e.InnerException.GetType()); }
    }

    static void Make(Type t)
    {
        foreach (ConstructorInfo c in t.GetConstructors())
        {
            var a = (Array)c.Invoke(c.GetParameters().Select(p => (object)2).ToArray());
            Console.WriteLine("{0} {1} {2}", a.GetType(), a.Length, a.GetLowerBound(0));
        }
    }

    static void RoundTrip<T>(T value)
    {
        var a = new T[3];
        a.GetType().GetMethod("Set").Invoke(a, new object[] { 1, value });
        Console.WriteLine("{0} {1} {2}", a[0], a[1], a.GetType().GetMethod("Get").Invoke(a, new object[] { 1 }));
        var b = new T[2, 3];
        b.GetType().GetMethod("Set").Invoke(b, new object[] { 1, 2, value });
        Console.WriteLine("{0} {1} {2}", b[0, 0], b[1, 2], b.GetType().GetMethod("Get").Invoke(b, new object[] { 1, 2 }));
    }

    static void Main()
    {
        Show(typeof(string[]));
        Show(typeof(int[][]));
        Show(typeof(int[,]));
        Show(typeof(string[,,]));
        Make(typeof(int[]));
        Make(typeof(int[][]));
        Make(typeof(int[,]));
        RoundTrip("text");
        RoundTrip((byte)200);
        RoundTrip(5.5m);
        RoundTrip<object>(1);

        var strings = new string[2];
        Refused(() => typeof(string[]).GetMethod("Get").Invoke(strings, new object[] { 2 }));
        Refused(() => typeof(string[]).GetMethod("Set").Invoke(strings, new object[] { 0, 5 }));
        Refused(() => typeof(object[]).GetMethod("Set").Invoke(strings, new object[] { 0, 5 }));
        Refused(() => typeof(int[,]).GetMethod("Address").Invoke(new int[1, 1], new object[] { 0, 0 }));
    }
}
