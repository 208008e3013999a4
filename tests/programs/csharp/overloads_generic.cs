// Overloads of generic types that are the same for some type arguments: calls mean the one that the compiler chose.
using System;
using System.Collections.Generic;

class Table<T>
{
    public void Put(T x) { Console.Write("T "); }
    public void Put(int x) { Console.Write("int "); }
    public virtual void Find(T x) { Console.Write("virtual T "); }
    public virtual void Find(int x) { Console.Write("virtual int "); }
    public static string Name(T a, List<T> b) { return "T, List<T>"; }
    public static string Name(int a, List<T> b) { return "int, List<T>"; }
    public static string Name(T a, List<int> b) { return "T, List<int>"; }
    public void Pair<U>(T x, U y) { Console.Write("T U "); }
    public void Pair<U>(U x, T y) { Console.Write("U T "); }
    public void Both(T x) { Put(x); Find(x); Pair<string>(x, "y"); Pair<string>("x", x); }
}

class Turned<T>
{
    public void Put(int x) { Console.Write("int "); }
    public void Put(T x) { Console.Write("T "); }
    public void Both(T x) { Put(x); }
}

interface IFind<T>
{
    void Find(T x);
    void Find(int x);
}

class Finder<T> : IFind<T>
{
    void IFind<T>.Find(T x) { Console.Write("IFind T "); }
    void IFind<T>.Find(int x) { Console.Write("IFind int "); }
}

class Named<T> : IFind<T>
{
    public void Find(T x) { Console.Write("named T "); }
    public void Find(int x) { Console.Write("named int "); }
}

class Below<T> : Table<T>
{
    public override void Find(T x) { Console.Write("below T "); }
    public override void Find(int x) { Console.Write("below int "); }
}

static class Program
{
    static void FindIn<T>(IFind<T> f, T x) { f.Find(x); f.Find(1); }

    static void Main()
    {
        for (int i = 0; i < 2; i++)
        {
            var ints = new Table<int>();
            ints.Put(1);
            ints.Find(1);
            ints.Both(1);
            Console.WriteLine();
            var strings = new Table<string>();
            strings.Put(1);
            strings.Put("s");
            strings.Find(1);
            strings.Find("s");
            strings.Both("s");
            Console.WriteLine();
            Action<int> put = ints.Put;
            put(1);
            new Turned<int>().Put(1);
            new Turned<int>().Both(1);
            Console.WriteLine();
            FindIn(new Finder<string>(), "s");
            FindIn(new Finder<int>(), 2);
            FindIn(new Named<string>(), "s");
            FindIn(new Named<int>(), 2);
            Console.WriteLine();
            new Below<int>().Both(1);
            new Below<string>().Both("s");
            Table<int> below = new Below<int>();
            below.Find(1);
            Console.WriteLine();
            Console.WriteLine(Table<string>.Name(1, new List<string>()) + "; " + Table<string>.Name("a", new List<int>()) + "; " + Table<string>.Name("a", new List<string>()));
        }
    }
}
