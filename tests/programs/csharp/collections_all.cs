//! flags: -r:System.Core.dll -r:System.dll
using System;
using System.Collections;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Collections.Specialized;
using System.Linq;

// Collections beyond the everyday ones, and their errors.
class CollectionsAll
{
    static void P<T>(string name, IEnumerable<T> items) { Console.WriteLine(name + ": " + string.Join(" ", items)); }
    static void Throws(Action a) { try { a(); Console.WriteLine("no exception"); } catch (Exception e) { Console.WriteLine(e.GetType().Name + ": " + e.Message); } }
    class Rev : IComparer<int> { public int Compare(int a, int b) { return b.CompareTo(a); } }
    class Mod : IEqualityComparer<int> { public bool Equals(int a, int b) { return a % 10 == b % 10; } public int GetHashCode(int a) { return a % 10; } }

    static void Main()
    {
        var sd = new SortedDictionary<int, string>(new Rev()); var sl = new SortedList<string, int>(StringComparer.Ordinal); var ss = new SortedSet<int>();
        for (int i = 0; i < 20; i++) { int k = i * 7 % 20; sd[k] = "v" + k; sl["k" + k] = k; ss.Add(k); }
        P("sd", sd.Keys); P("sl", sl.Values); Console.WriteLine(sl.IndexOfKey("k3") + " " + sl.Keys[4] + " " + sd.Remove(3) + sd.ContainsKey(3) + " " + ss.Min + ss.Max); P("between", ss.GetViewBetween(4, 9)); P("reverse", ss.Reverse()); ss.RemoveWhere(x => x % 2 == 0); P("odd", ss);
        var a = new SortedSet<int> { 1, 2, 3, 4 }; var b = new HashSet<int> { 3, 4, 5 }; a.IntersectWith(b); P("and", a); a.UnionWith(new[] { 9 }); a.SymmetricExceptWith(b); P("xor", a); Console.WriteLine(b.IsSubsetOf(new[] { 3, 4, 5, 6 }) + " " + b.Overlaps(a) + " " + b.SetEquals(new[] { 5, 4, 3 }));
        var d = new Dictionary<int, string>(new Mod()); d[1] = "a"; d[11] = "b"; d.Add(2, "c"); Console.WriteLine(d.Count + " " + d[21] + " " + d.ContainsValue("b")); Throws(() => d.Add(12, "x")); Throws(() => Console.WriteLine(d[7])); Throws(() => { foreach (var k in d.Keys) d.Remove(k); });
        var list = new LinkedList<string>(); var node = list.AddFirst("b"); list.AddBefore(node, "a"); list.AddAfter(node, "c"); list.AddLast("d"); list.Remove("c"); list.RemoveFirst(); P("linked", list); Console.WriteLine(list.Find("d").Previous.Value + " " + list.Contains("z") + " " + list.Last.Value); Throws(() => list.AddFirst(node));
        var q = new Queue<int>(2); for (int i = 0; i < 10; i++) { q.Enqueue(i); if (i % 3 == 0) q.Dequeue(); } P("queue", q); Console.WriteLine(q.Peek() + " " + q.Contains(5)); q.TrimExcess(); q.Clear(); Throws(() => q.Peek());
        var st = new Stack<int>(Enumerable.Range(0, 5)); P("stack", st); Console.WriteLine(st.Pop() + st.Peek()); P("array", st.ToArray()); st.Clear(); Throws(() => st.Pop());
        var l = new List<int>(Enumerable.Range(0, 10)); l.InsertRange(3, new[] { 100, 101 }); l.RemoveRange(0, 2); l.Reverse(1, 3); P("list", l); Console.WriteLine(l.FindLast(x => x > 50) + " " + l.FindIndex(4, x => x > 5) + " " + l.Exists(x => x == 101) + " " + l.TrueForAll(x => x >= 0) + " " + l.LastIndexOf(9) + " " + l.BinarySearch(500) + " " + l.Capacity); P("range", l.GetRange(2, 4)); l.Sort((x, y) => y - x); P("sorted", l); l.ForEach(x => Console.Write(x + ";")); Console.WriteLine(); Throws(() => l.RemoveAt(99)); Throws(() => l.GetRange(5, 90)); Throws(() => l.Insert(-1, 0)); Throws(() => { foreach (int x in l) l.Remove(x); }); P("ro", l.AsReadOnly().Take(2)); Throws(() => ((IList<int>)l.AsReadOnly()).Add(1));
        var oc = new ObservableCollection<string>(); oc.CollectionChanged += (s, e) => Console.WriteLine(e.Action + " " + e.NewStartingIndex + " " + (e.NewItems == null ? "-" : e.NewItems[0])); oc.Add("x"); oc.Insert(0, "y"); oc.RemoveAt(1); oc[0] = "z"; oc.Move(0, 0); oc.Clear();
        var ht = new Hashtable(StringComparer.OrdinalIgnoreCase) { { "A", 1 }, { "b", 2 } }; Console.WriteLine(ht["a"] + " " + ht.ContainsKey("B") + " " + ht.Count); var al = new ArrayList { 3, 1, 2 }; al.Sort(); al.Insert(1, "s"); Console.WriteLine(string.Join(",", al.ToArray()) + " " + al.IndexOf("s")); Throws(() => al.Sort());
        var bits = new BitArray(10); bits[3] = true; bits.Set(7, true); bits.Not(); Console.WriteLine(string.Join("", bits.Cast<bool>().Select(x => x ? 1 : 0)));
        var nv = new NameValueCollection { { "k", "1" }, { "k", "2" }, { "j", "3" } }; Console.WriteLine(nv["K"] + " " + nv.Count + " " + string.Join("|", nv.AllKeys)); var od = new OrderedDictionary { { "z", 1 }, { "a", 2 } }; Console.WriteLine(od[0] + " " + od["a"]); var ld = new ListDictionary { { 1, 2 } }; Console.WriteLine(ld[1]);
        var cd = new ConcurrentDictionary<string, int>(); Console.WriteLine(cd.GetOrAdd("a", 1) + " " + cd.AddOrUpdate("a", 5, (k, v) => v + 10) + " " + cd.TryAdd("a", 2) + " " + cd.TryUpdate("a", 3, 11) + " " + cd["a"]); int got; Console.WriteLine(cd.TryRemove("a", out got) + " " + got + " " + cd.IsEmpty);
        var cq = new ConcurrentQueue<int>(new[] { 1, 2 }); cq.Enqueue(3); cq.TryDequeue(out got); Console.WriteLine(got + " " + cq.Count); var cs = new ConcurrentStack<int>(new[] { 1, 2 }); cs.TryPop(out got); Console.WriteLine(got); var bag = new ConcurrentBag<int> { 4 }; Console.WriteLine(bag.TryTake(out got) + " " + got); var bc = new BlockingCollection<int>(3) { 1, 2 }; bc.CompleteAdding(); P("blocking", bc.GetConsumingEnumerable());
        var kc = new ReadOnlyDictionary<int, int>(new Dictionary<int, int> { { 1, 2 } }); Console.WriteLine(kc[1]); Throws(() => ((IDictionary<int, int>)kc).Add(3, 4));
        IStructuralEquatable t = Tuple.Create(1, "a", 2.5); Console.WriteLine(t.Equals(Tuple.Create(1, "a", 2.5), StructuralComparisons.StructuralEqualityComparer) + " " + ((IComparable)t).CompareTo(Tuple.Create(1, "b", 0.0)) + " " + t + " " + Tuple.Create(1, 2, 3, 4, 5, 6, 7, 8));
        int[,] grid = { { 1, 2 }, { 3, 4 } }; foreach (int g in grid) Console.Write(g); Console.WriteLine(" " + grid.GetLength(1) + grid.Rank + ((IList)new[] { 1, 2 }).Contains(2)); Console.WriteLine(StructuralComparisons.StructuralComparer.Compare(new[] { 1, 2 }, new[] { 1, 3 }));
    }
}
