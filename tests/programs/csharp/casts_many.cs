// Casts of many classes to many types, again and again: answers that the VM remembers must not be mixed up.

using System;
using System.Collections.Generic;

interface IA {}
interface IB {}
interface IC : IA {}
interface IOut<out T> {}
interface IIn<in T> {}

class P {}
class Q : P, IA {}
class R : Q, IB {}
class S<T> : P, IOut<T>, IIn<T> {}
class Nest<T> {}

static class CastsMany
{
    static readonly object[] objects = {
        new P(), new Q(), new R(), new S<P>(), new S<Q>(), new S<R>(), new S<string>(), new S<int>(), new S<object>(),
        "text", 5, 5u, 5L, new int[1], new uint[1], new string[1], new object[1], new Q[1], new R[1, 1], new List<int>(), new Exception(), (Action)Main,
    };

    static string Row<T>()
    {
        char[] row = new char[objects.Length];
        for (int i = 0; i < row.Length; i++) row[i] = objects[i] is T ? '1' : '.';
        return new string(row);
    }

    // Many more pairs of types than can be remembered: each level is another type.
    static int Levels<T>(int depth)
    {
        int hits = 0;
        object nest = new Nest<T>();
        if (nest is Nest<T>) hits++;
        if (nest is Nest<Nest<T>>) hits += 1000000;
        foreach (object o in objects) if (o is Nest<T>) hits += 1000000;
        return depth == 0 ? hits : hits + Levels<Nest<T>>(depth - 1);
    }

    static string Caught<T>(object o)
    {
        try { T t = (T)o; return t == null ? "null" : "cast"; }
        catch (InvalidCastException) { return "refused"; }
    }

    static void Print()
    {
        Console.WriteLine(Row<P>());
        Console.WriteLine(Row<Q>());
        Console.WriteLine(Row<IA>());
        Console.WriteLine(Row<IB>());
        Console.WriteLine(Row<IC>());
        Console.WriteLine(Row<IOut<P>>());
        Console.WriteLine(Row<IOut<Q>>());
        Console.WriteLine(Row<IOut<object>>());
        Console.WriteLine(Row<IIn<R>>());
        Console.WriteLine(Row<IIn<string>>());
        Console.WriteLine(Row<IEnumerable<object>>());
        Console.WriteLine(Row<IList<int>>());
        Console.WriteLine(Row<int[]>());
        Console.WriteLine(Row<object[]>());
        Console.WriteLine(Row<P[]>());
        Console.WriteLine(Row<IA[]>());
        Console.WriteLine(Row<Array>());
        Console.WriteLine(Row<int>());
        Console.WriteLine(Row<IComparable>());
        Console.WriteLine(Row<Delegate>());
    }

    static void Main()
    {
        for (int round = 0; round < 3; round++)
        {
            Print();
            Console.WriteLine(Levels<P>(40) + Levels<string>(40));
        }
        Console.WriteLine(Caught<IA>(new Q()) + " " + Caught<IA>(new P()) + " " + Caught<IA>(null) + " " + Caught<IOut<P>>(new S<R>()) + " " + Caught<IOut<R>>(new S<P>()));
        P[] array = new Q[1];
        for (int i = 0; i < 4; i++)
        {
            try { array[0] = (i & 1) == 0 ? new R() : new P(); Console.WriteLine("stored"); }
            catch (ArrayTypeMismatchException) { Console.WriteLine("mismatch"); }
        }
    }
}
