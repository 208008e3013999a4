using System;
using System.Collections;
using System.Collections.Generic;

// Static methods of Array, sorting with comparers and keys, errors.
class ArrayMethods
{
    static void P<T>(T[] a) { Console.WriteLine(string.Join(" ", a)); }
    static void Throws(Action a) { try { a(); Console.WriteLine("no exception"); } catch (Exception e) { Console.WriteLine(e.GetType().Name + ": " + e.Message); } }
    struct Point : IComparable<Point> { public int X, Y; public int CompareTo(Point o) { return X != o.X ? X.CompareTo(o.X) : Y.CompareTo(o.Y); } public override string ToString() { return X + "," + Y; } }
    class Bad : IComparer<int> { public int Compare(int a, int b) { throw new InvalidTimeZoneException("compare"); } }

    static void Main()
    {
        int[] a = { 5, 3, 8, 1, 9, 2 };
        int[] b = (int[])a.Clone(); Array.Sort(b); P(b); Console.WriteLine(Array.BinarySearch(b, 8) + " " + Array.BinarySearch(b, 4) + " " + Array.BinarySearch(b, 1, 3, 9)); Array.Reverse(b, 1, 4); P(b);
        Array.Sort(b, (x, y) => y.CompareTo(x)); P(b); Array.Sort(b, 1, 4); P(b); string[] names = { "c", "a", "b" }; int[] keys = { 3, 1, 2 }; Array.Sort(keys, names); P(names); Array.Sort(names, keys, Comparer<string>.Create((x, y) => string.CompareOrdinal(y, x))); P(keys);
        Point[] ps = new Point[50]; for (int i = 0; i < 50; i++) ps[i] = new Point { X = i * 7 % 5, Y = i * 13 % 50 }; Array.Sort(ps); P(ps); double[] ds = { 2.5, double.NaN, -1, double.NegativeInfinity, 0 }; Array.Sort(ds); Console.WriteLine(double.IsNaN(ds[0]) + " " + ds[1].ToString(System.Globalization.CultureInfo.InvariantCulture)); object[] mixed = { 3, 1, 2 }; Array.Sort(mixed); P(mixed);
        Throws(() => Array.Sort(new object[] { 1, "a" })); Throws(() => Array.Sort(a, new Bad())); Throws(() => Array.Sort(new[] { new object(), new object() }));
        Console.WriteLine(Array.IndexOf(a, 8) + " " + Array.LastIndexOf(a, 77) + " " + Array.IndexOf(names, "b", 1) + " " + Array.Exists(a, x => x > 8) + " " + Array.Find(a, x => x > 5) + " " + Array.FindLast(a, x => x > 5) + " " + Array.FindLastIndex(a, x => x == 5) + " " + Array.TrueForAll(a, x => x > 0)); P(Array.FindAll(a, x => x % 2 == 1)); P(Array.ConvertAll(a, x => "n" + x)); Array.ForEach(a, x => Console.Write(x)); Console.WriteLine();
        int[] c = new int[8]; Array.Copy(a, 1, c, 2, 4); P(c); Array.Copy(c, 1, c, 3, 4); P(c); Array.Copy(c, 3, c, 0, 4); P(c); Array.Clear(c, 1, 3); P(c); Array.Resize(ref c, 3); P(c); a.CopyTo(b, 0); P(b); Buffer.BlockCopy(new[] { 0x01020304 }, 1, c, 0, 3); P(c); Console.WriteLine(Buffer.ByteLength(c) + " " + Buffer.GetByte(c, 1)); Buffer.SetByte(c, 4, 255); P(c);
        long[] wide = new long[3]; Array.Copy(new[] { 1, 2, 3 }, wide, 3); P(wide); object[] boxed = new object[2]; Array.Copy(new[] { 7, 8 }, boxed, 2); P(boxed); Array.Copy(boxed, new int[2], 2);  Throws(() => Array.Copy(new long[1], new int[1], 1)); Throws(() => Array.Copy(a, 4, b, 0, 9)); Throws(() => a.CopyTo(null, 0)); Throws(() => Array.Copy(a, -1, b, 0, 1));
        Array m = Array.CreateInstance(typeof(string), new[] { 2, 3 }, new[] { 1, -1 }); m.SetValue("x", 2, 1); Console.WriteLine(m.GetValue(2, 1) + " " + m.GetLowerBound(1) + " " + m.GetUpperBound(1) + " " + m.Length + " " + m.GetType()); Throws(() => m.GetValue(0, 0));   Console.WriteLine(Array.CreateInstance(typeof(int), 3).GetType() + " " + new int[2][,].GetType() + " " + typeof(int[,][]).Name);
        IList<int> il = a; Console.WriteLine(il.Count + " " + il.IndexOf(9) + " " + il.IsReadOnly + " " + il.Contains(3)); Throws(() => il.Add(1)); Throws(() => il.RemoveAt(0)); Throws(() => { il[99] = 1; }); IEnumerator e = a.GetEnumerator(); Throws(() => Console.WriteLine(e.Current)); e.MoveNext(); Console.WriteLine(e.Current); var segment = new ArraySegment<int>(a, 2, 3); Console.WriteLine(string.Join(",", segment) + " " + segment.Count); Throws(() => new ArraySegment<int>(a, 5, 5)); Console.WriteLine(a.SyncRoot == a); Console.WriteLine(((ICollection)a).IsSynchronized + " " + a.IsFixedSize + " " + a.LongLength + " " + Array.AsReadOnly(a)[1] + " " + Array.Empty<int>().Length);
        var big = new int[10000]; uint s = 1; for (int i = 0; i < big.Length; i++) { s = s * 1664525 + 1013904223; big[i] = (int)(s >> 8) % 5000; } Array.Sort(big); bool ok = true; for (int i = 1; i < big.Length; i++) ok &= big[i - 1] <= big[i]; Console.WriteLine(ok + " " + big[0] + " " + big[5000] + " " + big[9999]);
    }
}
