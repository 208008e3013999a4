using System;
using System.Collections;
using System.Collections.Generic;

// What failing casts, array stores and copies throw, with their messages.
class A { }
class B : A { }
sealed class S : A { }
interface I { }
interface IVariant<out T> { }
enum E { X }
struct V { }
delegate void D();

class Generic<T>
{
    public T Cast(object o) { return (T)o; }
    public T[] CastArray(object o) { return (T[])o; }
    public List<T> CastList(object o) { return (List<T>)o; }
}

class Program
{
    static void Try(string name, Func<object> f)
    {
        try { f(); Console.WriteLine("{0}: fine", name); }
        catch (Exception e) { Console.WriteLine("{0}: {1}: {2}", name, e.GetType().Name, e.Message); }
    }

    static void Copy(string name, Array from, Array to)
    {
        Try(name, () => { Array.Copy(from, to, 1); return null; });
    }

    static void Set(string name, Array array, object value)
    {
        Try(name, () => { array.SetValue(value, 0); return null; });
    }

    static void ByRef(ref object o) { }
    static T Cast<T>(object o) { return (T)o; }

    static void Main()
    {
        object a = new A(), n = 5, s = "s";
        Try("class", () => (B)a);
        Try("sealed", () => (S)a);
        Try("string", () => (string)n);
        Try("interface", () => (I)a);
        Try("variant", () => (IVariant<string>)a);
        Try("enumerable", () => (IEnumerable<string>)a);
        Try("array", () => (int[])a);
        Try("array of a base", () => (string[])(object)new object[0]);
        Try("rank", () => (int[,])(object)new int[1]);
        Try("delegate", () => (D)a);
        Try("generic delegate", () => (Func<string>)a);
        Try("unbox", () => (int)a);
        Try("unbox a struct", () => (V)n);
        Try("unbox an enum", () => (E)s);
        Try("unbox a nullable", () => (int?)s);
        Try("parameter", () => new Generic<string>().Cast(a));
        Try("parameter, value", () => new Generic<int>().Cast(a));
        Try("array of parameter", () => new Generic<string>().CastArray(a));
        Try("list of parameter", () => new Generic<string>().CastList(a));
        Try("method parameter", () => Cast<I>(a));
        Try("System.Array", () => (Array)a);
        Try("System.ValueType", () => (ValueType)a);

        Try("store", () => { object[] x = new string[1]; x[0] = a; return null; });
        Try("store an interface", () => { object[] x = new I[1]; x[0] = a; return null; });
        Try("element address", () => { object[] x = new string[1]; ByRef(ref x[0]); return null; });

        Copy("object to int, string inside", new object[] { "x" }, new int[1]);
        Copy("object to int, long inside", new object[] { 1L }, new int[1]);
        Copy("object to int, null inside", new object[] { null }, new int[1]);
        Copy("object to int", new object[] { 1 }, new int[1]);
        Copy("int to string", new int[1], new string[1]);
        Copy("object to string", new object[] { a }, new string[1]);
        Copy("object to interface", new object[] { a }, new I[1]);
        Copy("int to long", new int[1], new long[1]);
        Copy("long to int", new long[1], new int[1]);
        Copy("int to object", new int[1], new object[1]);

        Set("string into int", new int[1], "x");
        Set("int into string", new string[1], 1);
        Set("long into int", new int[1], 1L);
        Set("int into long", new long[1], 1);
        Set("null into int", new int[1], null);
        Set("class into interface", new I[1], a);
        Set("struct into int", new int[1], new V());
    }
}
