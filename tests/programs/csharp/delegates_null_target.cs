// Delegates over static methods whose first argument is bound to null, over instance methods bound to null; parameters without default; classes that failed to initialize.
using System;
using System.Reflection;
using System.Runtime.InteropServices;

static class Extensions
{
    public static int Count(this string s) { return s == null ? -1 : s.Length; }
    public static string Join(this object o, string s, int n) { return (o ?? "null") + s + n; }
    public static decimal Big(this object o, decimal d) { return o == null ? d : -d; }
}

static class Broken
{
    static Broken() { throw new ApplicationException("broken"); }
    public static void Use() { }
}

class Bound
{
    public int Number(int n) { return this == null ? n : -n; }
    public virtual string Text(string s) { return this == null ? "null " + s : s; }
    public decimal Big(decimal d) { return this == null ? d : -d; }
}

struct Value
{
    public int X;
    public int Get() { return X; }
}

class Program
{
    static T Closed<T>(object target, Type type, string method)
    {
        return (T)(object)Delegate.CreateDelegate(typeof(T), target, type.GetMethod(method));
    }

    static void Instances()
    {
        var number = Closed<Func<int, int>>(null, typeof(Bound), "Number");
        var text = Closed<Func<string, string>>(null, typeof(Bound), "Text");
        var big = Closed<Func<decimal, decimal>>(null, typeof(Bound), "Big");
        Console.WriteLine(number(5) + " " + text("text") + " " + big(2.5m));
        object bound = new Bound();
        number += Closed<Func<int, int>>(bound, typeof(Bound), "Number");
        Console.WriteLine(number(5) + " " + Closed<Func<string, string>>(bound, typeof(Bound), "Text")("text") + " " + Closed<Func<decimal, decimal>>(bound, typeof(Bound), "Big")(2.5m));
        var open = Closed<Func<Bound, decimal, decimal>>(null, typeof(Bound), "Big");
        Console.WriteLine(open(null, 1m) + " " + open(new Bound(), 1m));
        try { Console.WriteLine(Closed<Func<int>>(null, typeof(Value), "Get")()); }
        catch (NullReferenceException) { Console.WriteLine("no value"); }
    }

    public static void Parameters(int plain, [Optional] int optional, int defaulted = 5, string text = null) { }

    static void Main()
    {
        string none = null, some = "some";
        Func<int> count = none.Count;
        Console.WriteLine(count() + " " + new Func<int>(some.Count)());
        object nothing = null;
        Func<string, int, string> join = nothing.Join;
        Console.WriteLine(join(" and ", 3) + " " + new Func<string, int, string>(some.Join)(" and ", 4));
        Func<decimal, decimal> big = nothing.Big;
        Console.WriteLine(big(1.5m) + " " + new Func<decimal, decimal>(some.Big)(1.5m));
        Func<string, int> open = Extensions.Count;
        Console.WriteLine(open(null) + " " + open("xyz"));
        count += some.Count;
        Console.WriteLine(count());

        foreach (var p in typeof(Program).GetMethod("Parameters").GetParameters())
            Console.WriteLine(p.Name + " " + (p.DefaultValue == null ? "null" : p.DefaultValue.GetType() + " " + (p.DefaultValue is int ? p.DefaultValue : "")));

        Instances();

        int first = 0;
        for (int i = 0; i < 3; i++)
        {
            try { Broken.Use(); }
            catch (TypeInitializationException e)
            {
                int lines = e.ToString().Split('\n').Length;
                if (i == 0) first = lines;
                Console.WriteLine(e.InnerException.Message + " " + (lines == first));
            }
        }
        try { Action a = ((IDisposable)null).Dispose; a(); } catch (NullReferenceException) { Console.WriteLine("null"); }
    }
}
