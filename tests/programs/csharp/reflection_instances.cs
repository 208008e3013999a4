// Instances over value types that only reflection makes: of types and methods, for properties and deserialization; methods of arrays.
using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.Serialization.Formatters.Binary;

struct Point { public int X, Y; public override string ToString() { return X + "/" + Y; } }

[Serializable]
class Record
{
    public Dictionary<string, double> Table = new Dictionary<string, double>();
    public List<decimal> Prices = new List<decimal>();
    public Dictionary<short, long> Counts = new Dictionary<short, long>();
    public double Half { get { return 0.5; } }
    public static char Mark { get; set; }
    public Point Place { get; set; }
}

class Pair<A, B>
{
    public A First;
    public B Second;
    public Pair(A first, B second) { First = first; Second = second; }
    public string Show<C>(C c) { return typeof(A) + " " + typeof(B) + " " + typeof(C) + ": " + First + " " + Second + " " + c; }
}

class Limited<T> where T : struct, IComparable
{
    public static int Compare(T a, T b) { return a.CompareTo(b); }
}

static class ReflectionInstances
{
    static string Join<T>(T a, T b) { return typeof(T) + " " + new List<T> { a, b }.Count + " " + a + "+" + b; }

    static object Call(Type of, string name, object on, Type[] with, params object[] args)
    {
        const BindingFlags all = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        return of.GetMethod(name, all).MakeGenericMethod(with).Invoke(on, args);
    }

    static void Methods()
    {
        MethodInfo join = typeof(ReflectionInstances).GetMethod("Join", BindingFlags.Static | BindingFlags.NonPublic);
        Console.WriteLine(join.MakeGenericMethod(typeof(long)).Invoke(null, new object[] { 5L, 6L }));
        Console.WriteLine(join.MakeGenericMethod(typeof(Point)).Invoke(null, new object[] { new Point { X = 1 }, new Point { Y = 2 } }));
        Console.WriteLine(join.MakeGenericMethod(typeof(string)).Invoke(null, new object[] { "a", "b" }));
        var pair = new Pair<byte, string>(7, "seven");
        Console.WriteLine(typeof(Pair<byte, string>).GetMethod("Show").MakeGenericMethod(typeof(float)).Invoke(pair, new object[] { 1.5f }));
    }

    static void Types()
    {
        var made = typeof(Dictionary<,>).MakeGenericType(typeof(string), typeof(KeyValuePair<,>).MakeGenericType(typeof(short), typeof(Point)));
        var table = (IDictionary)Activator.CreateInstance(made);
        table["k"] = new KeyValuePair<short, Point>(3, new Point { X = 4, Y = 5 });
        foreach (DictionaryEntry e in table) Console.WriteLine(e.Key + " " + e.Value);

        // Neither the arguments nor the definition are at hand where the type is made.
        Type[] arguments = { typeof(ulong), typeof(bool) };
        Type pair = typeof(Pair<,>);
        object o = Activator.CreateInstance(pair.MakeGenericType(arguments), 9UL, true);
        Console.WriteLine(o.GetType().GetField("First").GetValue(o) + " " + o.GetType().GetField("Second").GetValue(o));

        Type limited = typeof(Limited<>), of = typeof(ushort);
        Console.WriteLine(limited.MakeGenericType(of).GetMethod("Compare").Invoke(null, new object[] { (ushort)2, (ushort)3 }));
    }

    static void Properties()
    {
        Record.Mark = '!';
        var record = new Record { Place = new Point { X = 8, Y = 9 } };
        foreach (PropertyInfo p in typeof(Record).GetProperties())
            Console.WriteLine(p.Name + " " + p.GetValue(record, null));
    }

    static void Arrays()
    {
        foreach (Array a in new Array[] { new float[2], new Point[1, 2], new byte[3] })
        {
            Type t = a.GetType();
            int[] at = new int[a.Rank];
            object[] arguments = new object[a.Rank + 1];
            for (int i = 0; i < a.Rank; i++) arguments[i] = at[i];
            arguments[a.Rank] = a is float[] ? 2.5f : a is byte[] ? (byte)200 : (object)new Point { X = 6, Y = 7 };
            t.GetMethod("Set").Invoke(a, arguments);
            Array.Resize(ref arguments, a.Rank);
            Console.WriteLine(t + " " + t.GetMethod("Get").Invoke(a, arguments) + " " + a.Length);
        }
        Console.WriteLine(((Array)typeof(char[,]).GetConstructor(new[] { typeof(int), typeof(int) }).Invoke(new object[] { 3, 4 })).Length);
    }

    static void Serialization()
    {
        var record = new Record { Place = new Point { X = 1, Y = 2 } };
        record.Table["half"] = 0.5;
        record.Prices.Add(1.25m);
        record.Counts.Add(3, -4);
        var stream = new MemoryStream();
        new BinaryFormatter().Serialize(stream, new Hashtable { { "prices", record.Prices }, { "table", record.Table }, { "counts", record.Counts } });
        stream.Position = 0;
        var back = (Hashtable)new BinaryFormatter().Deserialize(stream);
        Console.WriteLine(((List<decimal>)back["prices"])[0] + " " + ((Dictionary<string, double>)back["table"])["half"] + " " + ((Dictionary<short, long>)back["counts"])[3]);
    }

    static void Main()
    {
        Methods();
        Types();
        Properties();
        Arrays();
        Serialization();
    }
}
