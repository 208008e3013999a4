//! flags: -optimize+
using System;
using System.Collections.Generic;

class Node<T> { public T Value; }
class Leaf<T> : Node<T> { }
struct Holder<T> { public T Value; public T[] Array; }

class GenericsTypes
{
    static string Describe<T>()
    {
        if (typeof(T) == typeof(int)) return "int";
        if (typeof(T) == typeof(string)) return "string";
        if (typeof(T) == typeof(object)) return "object";
        if (typeof(T) == typeof(Node<int>)) return "node of int";
        if (typeof(T) == typeof(Node<string>)) return "node of string";
        if (typeof(T) == typeof(int[])) return "ints";
        if (typeof(T) == typeof(T[])) return "impossible";
        return "something else";
    }

    static string Is<T>(object o)
    {
        return (o is T ? "yes " : "no ") + (o is T[] ? "yes " : "no ") + (o is Node<T> ? "yes " : "no ") + (o is IEnumerable<T> ? "yes" : "no");
    }

    static string As<T>(object o) where T : class
    {
        T t = o as T;
        return t == null ? "null" : "ok";
    }

    static string Cast<T>(object o)
    {
        try
        {
            T t = (T)o;
            return t == null ? "null" : "ok";
        }
        catch (InvalidCastException) { return "invalid"; }
        catch (NullReferenceException) { return "null reference"; }
    }

    static int Depth<T>(int n) { return n == 0 ? (typeof(T) == typeof(int) ? 0 : 1) : Depth<Node<T>>(n - 1) + 1; }

    static string Arrays<T>(T a, T b)
    {
        T[] one = { a, b };
        T[,] two = new T[2, 2];
        two[1, 0] = b;
        T[][] jagged = { one, new T[3] };
        var nodes = new Node<T>[] { new Node<T> { Value = a }, new Leaf<T> { Value = b } };
        var holders = new Holder<T>[2];
        holders[1].Value = b;
        holders[1].Array = one;
        return one[0] + "," + two[1, 0] + "," + jagged[0][1] + "," + jagged[1].Length + "," + nodes[1].Value + "," + holders[1].Array[0] + holders[1].Value + holders[0].Value;
    }

    static void Main()
    {
        Console.WriteLine(Describe<int>() + "," + Describe<string>() + "," + Describe<object>() + "," + Describe<Node<int>>() + "," + Describe<Node<string>>() + "," + Describe<Node<object>>() + "," + Describe<int[]>() + "," + Describe<long>());
        object[] objects = { 5, "text", 'c', new int[1], new string[1], new object(), new Node<int>(), new Leaf<string>(), new List<int>(), DayOfWeek.Friday, null };
        foreach (object o in objects)
        {
            Console.WriteLine(Is<int>(o) + " | " + Is<string>(o) + " | " + Is<object>(o) + " | " + Is<char>(o) + " | " + Is<DayOfWeek>(o) + " | " + Is<int?>(o));
            Console.WriteLine(As<string>(o) + " " + As<object>(o) + " " + As<Node<string>>(o) + " " + As<IComparable>(o) + " " + As<Array>(o) + " " + As<int[]>(o));
            Console.WriteLine(Cast<int>(o) + " " + Cast<string>(o) + " " + Cast<object>(o) + " " + Cast<int?>(o) + " " + Cast<DayOfWeek>(o) + " " + Cast<Node<int>>(o) + " " + Cast<IComparable>(o) + " " + Cast<int[]>(o) + " " + Cast<ValueType>(o) + " " + Cast<Enum>(o));
        }
        Console.WriteLine(Depth<int>(0) + " " + Depth<int>(1) + " " + Depth<string>(5));
        Console.WriteLine(Arrays(1, 2));
        Console.WriteLine(Arrays("a", "b"));
        Console.WriteLine(Arrays(1L << 33, -1L));
        Console.WriteLine(Arrays('x', 'y').Length);
        Console.WriteLine(typeof(int) == 5.GetType());
        Console.WriteLine(typeof(Node<int>) == new Node<int>().GetType());
        Console.WriteLine(typeof(Node<int>) == new Leaf<int>().GetType());
        Console.WriteLine(typeof(Node<string>) == typeof(Node<object>));
        Console.WriteLine(objects[3].GetType() == typeof(int[]));
    }
}
