// What compilers make of the class library's smallest parts: new strings, copies of bytes, types and their objects, thread statics,
// default comparers, loops over fixed memory, struct enumerators. Compared with what the library itself says.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using System.Threading;

enum Small : byte { A, B }
enum Large : long { A, B }

struct Plain
{
    public int X;
}

struct Own : IEquatable<Own>, IComparable<Own>
{
    public int X;
    public bool Equals(Own other) { return X / 10 == other.X / 10; }
    public int CompareTo(Own other) { return other.X - X; }
}

class Thing : IEquatable<Thing>
{
    public int X;
    public bool Equals(Thing other) { return other != null && X == other.X; }
    public override bool Equals(object other) { return false; }
    public override int GetHashCode() { return 7; }
}

class Derived : Thing { }

struct Holder<T>
{
    public T Item;
}

static class Program
{
    [ThreadStatic] static int count;
    [ThreadStatic] static string name;

    static void Strings()
    {
        int sum = 0;
        for (int n = 0; n < 1500; n += 1 + n / 16)
        {
            string s = new string((char)('a' + n % 26), n);
            if (s.Length != n || n > 0 && s[n - 1] != 'a' + n % 26) Console.WriteLine("wrong string of " + n);
            string t = s.Substring(n / 3, n / 2) + s;
            if (t.Length != n + n / 2) Console.WriteLine("wrong length " + t.Length);
            sum += t.GetHashCode() == (s.Substring(0, n / 2) + s).GetHashCode() ? 1 : 0;
        }
        Console.WriteLine("strings " + sum);
        try { Console.WriteLine(new string('x', -1).Length); }
        catch (ArgumentOutOfRangeException e) { Console.WriteLine(e.ParamName); }
        char[] chars = "hello, world".ToCharArray();
        Array.Copy(chars, 0, chars, 3, 9);
        Console.WriteLine(new string(chars));
        Array.Copy(chars, 3, chars, 0, 9);
        Console.WriteLine(new string(chars));
        byte[] bytes = new byte[100];
        for (int i = 0; i < bytes.Length; i++) bytes[i] = (byte)i;
        Buffer.BlockCopy(bytes, 10, bytes, 13, 50);
        Console.WriteLine(bytes[12] + " " + bytes[13] + " " + bytes[62] + " " + bytes[63]);
        Console.WriteLine(string.Concat("a", null, "bc", "") + string.Join("|", new[] { "x", null, "yz" }));
        Console.WriteLine("abcabc".Replace("b", "--") + "abc".PadLeft(6, '.') + "abc".Insert(1, "xyz").Remove(2, 1));
    }

    static string Show(double d)
    {
        CultureInfo c = CultureInfo.InvariantCulture;
        return d.ToString(c) + " " + d.ToString("R", c) + " " + d.ToString("G17", c) + " " + d.ToString("F3", c) + " " + d.ToString("E5", c);
    }

    static void Numbers()
    {
        double[] some =
        {
            0.1, 1.0 / 3, 2.5, 0.125, 1e15, 1e16, 123456789012345680, 1e22, 1e23, 5e-324, 1.7976931348623157e308, 0.5, 1.5, 0.0005, 0.0015,
            999999999999999.9, 99999999999999.95, 4503599627370497.5, 9007199254740993, 1e-5, 1e-4, 123456.789, 4.35, 0.045, 1.005, 2.675, 1e-23, 7e-40,
        };
        foreach (double d in some)
        {
            Console.WriteLine(Show(d));
            Console.WriteLine(Show(-d));
        }
        long sum = 0;
        Random random = new Random(5);
        for (int i = 0; i < 2000; i++)
        {
            double d = (random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-30, 30));
            string r = d.ToString("R", CultureInfo.InvariantCulture);
            if (double.Parse(r, CultureInfo.InvariantCulture) != d) Console.WriteLine("no round trip: " + r);
            foreach (char c in d.ToString("G17", CultureInfo.InvariantCulture)) sum = sum * 31 + c;
        }
        Console.WriteLine(sum);
    }

    static void Equal<T>(T a, T b)
    {
        EqualityComparer<T> c = EqualityComparer<T>.Default;
        Console.WriteLine(typeof(T) + " " + c.GetType() + " " + EqualityComparer<T>.Default.Equals(a, b) + c.Equals(a, a) + c.Equals(a, default(T)));
        List<T> list = new List<T> { b, a };
        Console.WriteLine(list.IndexOf(a) + " " + list.Contains(default(T)) + " " + Comparer<T>.Default.GetType());
    }

    static void Order<T>(params T[] items)
    {
        Array.Sort(items);
        Console.Write(string.Join(" ", items) + ": ");
        for (int i = 1; i < items.Length; i++) Console.Write(Comparer<T>.Default.Compare(items[i - 1], items[i]) + " ");
        Console.WriteLine(Comparer<T>.Default.Compare(items[0], items[0]));
    }

    static void Comparers()
    {
        Equal<int>(1, 2);
        Equal<byte>(1, 1);
        Equal<string>("a", new string('a', 1));
        Equal<double>(double.NaN, double.NaN);
        Equal<Small>(Small.A, Small.B);
        Equal<Large>(Large.B, Large.B);
        Equal<int?>(1, null);
        Equal<Plain>(new Plain { X = 1 }, new Plain { X = 1 });
        Equal<Own>(new Own { X = 11 }, new Own { X = 12 });
        Equal<Own?>(new Own { X = 11 }, new Own { X = 12 });
        Equal<Thing>(new Thing { X = 1 }, new Thing { X = 1 });
        Equal<Derived>(new Derived { X = 1 }, new Derived { X = 1 });
        Equal<object>("a", new string('a', 1));
        Equal<Holder<string>>(new Holder<string> { Item = "a" }, new Holder<string> { Item = "a" });
        Order(3, 1, 2);
        Order("c", "a", "b");
        Order(2.0, double.NaN, -1);
        Order<int?>(3, null, 2);
        try { Order<object>(new object(), new object()); }
        catch (InvalidOperationException e) { Console.WriteLine(e.InnerException.GetType()); }
    }

    static bool Same<A, B>() { return typeof(A) == typeof(B); }

    static void Types()
    {
        Console.WriteLine(Same<int, int>() + " " + Same<int, string>() + " " + Same<string, string>() + " " + Same<object, string>());
        Console.WriteLine((typeof(int) == typeof(uint)) + " " + (typeof(string) == "".GetType()) + " " + typeof(int[]).Equals(new int[0].GetType()));
        Console.WriteLine(typeof(List<>) + " " + typeof(Holder<int>) + " " + ReferenceEquals(typeof(Program), typeof(Program)));
    }

    static int Visits()
    {
        count++;
        name = name == null ? "first" : "again";
        return count;
    }

    static void Statics()
    {
        for (int i = 0; i < 3; i++) Visits();
        string[] seen = new string[4];
        Thread[] threads = new Thread[4];
        for (int i = 0; i < 4; i++)
        {
            int n = i;
            threads[i] = new Thread(delegate()
            {
                int last = 0;
                for (int j = 0; j <= n; j++) last = Visits();
                seen[n] = last + name + (Thread.CurrentThread == threads[n]);
            });
        }
        foreach (Thread t in threads) t.Start();
        foreach (Thread t in threads) t.Join();
        Console.WriteLine(string.Join(" ", seen) + " " + count + name + ReferenceEquals(Thread.CurrentThread, Thread.CurrentThread));
    }

    static unsafe int Sum(string text)
    {
        int sum = 0;
        fixed (char* start = text)
        {
            for (char* at = start; *at != 0; at++)
            {
                sum = sum * 3 + *at;
                // What is fixed stays where it is.
                if ((*at & 3) == 0) new List<string> { new string(*at, 10) };
            }
        }
        return sum;
    }

    static void Fixed()
    {
        int sum = 0;
        for (int i = 0; i < 200; i++)
        {
            sum += Sum("text number " + i);
            if (i % 50 == 0) GC.Collect();
        }
        Console.WriteLine(sum);
    }

    static void Enumerators()
    {
        List<int> list = new List<int> { 1, 2, 3, 4 };
        long sum = 0;
        for (int i = 0; i < 50; i++)
            foreach (int n in list) sum = sum * 7 + n;
        Console.WriteLine(sum);
        try
        {
            foreach (int n in list) if (n == 3) list.Add(n);
        }
        catch (InvalidOperationException) { Console.WriteLine("changed"); }
        Dictionary<string, int> counts = new Dictionary<string, int>();
        foreach (string word in "a b a c b a".Split(' ')) counts[word] = counts.ContainsKey(word) ? counts[word] + 1 : 1;
        foreach (KeyValuePair<string, int> pair in counts) Console.Write(pair.Key + pair.Value + " ");
        HashSet<Own> set = new HashSet<Own> { new Own { X = 1 }, new Own { X = 30 } };
        Console.WriteLine(set.Count + " " + new StringBuilder().Append(15).Append('x').Append(true).AppendFormat("{0:x4}|{1,5}|{2}", 255, "ab", null));
    }

    static void Main()
    {
        for (int round = 0; round < 3; round++)
        {
            Strings();
            Comparers();
            Types();
            Fixed();
            Enumerators();
        }
        Numbers();
        Statics();
    }
}
