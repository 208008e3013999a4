// Delegates over static methods whose first argument is bound to null; parameters without default; classes that failed to initialize.
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

class Program
{
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
