//! flags: -r:System.Core.dll
using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;

// Every operator of Enumerable.
class LinqAll
{
    class Pet { public string Name; public int Age; public string Owner; public override string ToString() { return Name + Age; } }
    static void P(string name, object o) { Console.WriteLine(name + ": " + Text(o)); }
    static string Text(object o)
    {
        if (o == null) return "null";
        if (o is string) return (string)o;
        var e = o as IEnumerable;
        return e == null ? Convert.ToString(o, System.Globalization.CultureInfo.InvariantCulture) : "[" + string.Join(" ", e.Cast<object>().Select(Text)) + "]";
    }
    static void Throws(string name, Action a) { try { a(); Console.WriteLine(name + " did not throw"); } catch (Exception e) { Console.WriteLine(name + " ! " + e.GetType().Name + ": " + e.Message); } }

    static void Main()
    {
        int[] n = { 5, 3, 8, 1, 9, 2, 7, 3, 5 };
        string[] w = { "banana", "Apple", "cherry", "date", "fig", "apple" };
        Pet[] pets = { new Pet { Name = "Rex", Age = 3, Owner = "Ann" }, new Pet { Name = "Tom", Age = 5, Owner = "Bob" }, new Pet { Name = "Ada", Age = 3, Owner = "Ann" }, new Pet { Name = "Zoe", Age = 1, Owner = "Cid" } };
        P("Where", n.Where(x => x > 4)); P("WhereIndex", n.Where((x, i) => i % 2 == 0)); P("Select", n.Select(x => x * x)); P("SelectIndex", w.Select((x, i) => i + x));
        P("SelectMany", w.SelectMany(x => x.Take(2))); P("SelectMany2", pets.SelectMany(p => new[] { p.Age, p.Age + 1 }, (p, a) => p.Name + a));
        P("Take", n.Take(3)); P("Skip", n.Skip(6)); P("TakeWhile", n.TakeWhile(x => x != 1)); P("SkipWhile", n.SkipWhile(x => x != 1)); P("SkipWhileIndex", n.SkipWhile((x, i) => i < 7));
        P("OrderBy", n.OrderBy(x => x)); P("OrderByDescending", w.OrderByDescending(x => x, StringComparer.Ordinal)); P("ThenBy", pets.OrderBy(p => p.Age).ThenByDescending(p => p.Name, StringComparer.Ordinal)); P("stable", pets.OrderBy(p => p.Owner, StringComparer.Ordinal));
        P("Reverse", n.Reverse()); P("Distinct", n.Distinct()); P("DistinctComparer", w.Distinct(StringComparer.OrdinalIgnoreCase)); P("Union", n.Union(new[] { 3, 100 })); P("Intersect", n.Intersect(new[] { 3, 9, 77 })); P("Except", n.Except(new[] { 3, 5 })); P("Concat", n.Concat(new[] { 0 })); P("Zip", n.Zip(w, (a, b) => a + b));
        foreach (var g in pets.GroupBy(p => p.Age)) P("GroupBy " + g.Key, g);
        P("GroupBy2", pets.GroupBy(p => p.Owner, p => p.Age, (k, a) => k + a.Sum())); P("Join", pets.Join(new[] { "Ann", "Cid" }, p => p.Owner, o => o, (p, o) => o + p.Name)); P("GroupJoin", new[] { "Ann", "Dan" }.GroupJoin(pets, o => o, p => p.Owner, (o, ps) => o + ps.Count()));
        var lookup = w.ToLookup(x => x.Length); P("ToLookup", lookup[6]); P("ToLookup none", lookup[60]); P("lookup count", lookup.Count);
        P("Aggregate", n.Aggregate((a, b) => a * 2 + b)); P("Aggregate3", w.Aggregate("", (a, b) => a + b[0], a => a.ToUpperInvariant()));
        P("Sum", n.Sum() + " " + n.Sum(x => (long)x) + " " + n.Sum(x => x / 2.0) + " " + new int?[] { 1, null, 2 }.Sum() + " " + n.Sum(x => (decimal)x / 4)); P("Average", n.Average(x => x * 1.0)); P("AverageNull", new int?[] { null }.Average()); P("MinMax", n.Min() + " " + n.Max() + " " + w.Max(x => x.Length) + " " + new double[] { 1, double.NaN, 3 }.Min() + " " + new double[] { 1, double.NaN, 3 }.Max());
        P("Count", n.Count(x => x == 3) + " " + n.LongCount()); P("Any", n.Any() + " " + n.Any(x => x > 100) + " " + n.All(x => x > 0) + " " + n.Contains(9) + " " + w.Contains("FIG", StringComparer.OrdinalIgnoreCase));
        P("First", n.First() + " " + n.First(x => x > 5) + " " + n.FirstOrDefault(x => x > 50) + " " + n.Last() + " " + n.Last(x => x > 7) + " " + n.LastOrDefault(x => x < 0) + " " + n.Single(x => x == 8) + " " + n.SingleOrDefault(x => x == 80) + " " + n.ElementAt(2) + " " + n.ElementAtOrDefault(99));
        P("DefaultIfEmpty", new int[0].DefaultIfEmpty(7)); P("Range", Enumerable.Range(3, 4)); P("Repeat", Enumerable.Repeat("x", 3)); P("Empty", Enumerable.Empty<int>()); P("OfType", new object[] { 1, "a", 2.0, "b" }.OfType<string>()); P("Cast", new object[] { 1, 2 }.Cast<int>()); P("SequenceEqual", n.SequenceEqual(n.ToList()));
        P("ToDictionary", pets.ToDictionary(p => p.Name, p => p.Age).OrderBy(k => k.Key, StringComparer.Ordinal)); P("ToHashSet", new HashSet<int>(n).Count); P("ToList", n.ToList().Count + n.ToArray().Length); P("AsEnumerable", n.AsEnumerable().GetType() == n.GetType());
        Throws("First", () => new int[0].First()); Throws("Single", () => n.Single()); Throws("Single2", () => n.Single(x => x > 100)); Throws("ElementAt", () => n.ElementAt(99)); Throws("Max", () => new int[0].Max()); Throws("null", () => ((int[])null).Where(x => true)); Throws("ToDictionary", () => pets.ToDictionary(p => p.Age)); Throws("Cast", () => new object[] { "a" }.Cast<int>().ToList()); Throws("Range", () => Enumerable.Range(1, -1)); Throws("Average", () => new int[0].Average()); Throws("Sum", () => new[] { int.MaxValue, 1 }.Sum());
        var q = from a in n where a % 2 == 1 let sq = a * a from b in w where b.Length == a orderby sq descending, b select new { a, b, sq };
        P("query", q); var lazy = n.Where(x => { Console.Write("<" + x + ">"); return x > 5; }).Select(x => x * 10).Take(2); foreach (int x in lazy) Console.Write(x + " "); Console.WriteLine();
        var list = new List<int> { 1, 2 }; var live = list.Select(x => x + 1); list.Add(5); P("deferred", live);
    }
}
