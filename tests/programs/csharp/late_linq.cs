using System;
using System.Collections.Generic;
using System.Linq;

class LateLinq
{
    class Person { public string Name; public int Age; public string City; }

    static void Main()
    {
        var people = new[]
        {
            new Person { Name = "Ann", Age = 30, City = "Oslo" }, new Person { Name = "Bob", Age = 20, City = "Rome" },
            new Person { Name = "Cid", Age = 40, City = "Oslo" }, new Person { Name = "Dee", Age = 20, City = "Bern" }
        };
        foreach (string n in from p in people where p.Age < 40 orderby p.Age, p.Name descending select p.Name) Console.WriteLine(n);
        foreach (var g in people.GroupBy(p => p.City).OrderBy(g => g.Key, StringComparer.Ordinal)) Console.WriteLine(g.Key + ": " + string.Join(",", g.Select(p => p.Name)));
        Console.WriteLine(Enumerable.Range(1, 10).Where(x => x % 2 == 1).Select(x => x * x).Sum());
        Console.WriteLine(people.Max(p => p.Age) + " " + people.Min(p => p.Age) + " " + people.Average(p => p.Age) + " " + people.Count(p => p.City == "Oslo"));
        Console.WriteLine(people.First(p => p.Age == 20).Name + " " + people.Last().Name + " " + (people.FirstOrDefault(p => p.Age > 99) == null) + " " + people.Any(p => p.Age > 35) + " " + people.All(p => p.Age > 25));
        Console.WriteLine(string.Join(" ", new[] { 3, 1, 2, 3, 1 }.Distinct().OrderByDescending(x => x)));
        Console.WriteLine(string.Join(" ", new[] { 1, 2, 3 }.Zip(new[] { "a", "b" }, (x, y) => x + y)));
        Console.WriteLine(string.Join(" ", new[] { 1, 2 }.SelectMany(x => new[] { x, x * 10 })));
        Console.WriteLine(new[] { 1, 2, 3, 4 }.Aggregate((a, b) => a * b));
        Dictionary<string, int> ages = people.ToDictionary(p => p.Name, p => p.Age);
        Console.WriteLine(ages["Cid"]);
        var joined = people.Join(new[] { new { City = "Oslo", Country = "Norway" } }, p => p.City, c => c.City, (p, c) => p.Name + " in " + c.Country);
        foreach (string s in joined) Console.WriteLine(s);
        Console.WriteLine(string.Join(" ", Enumerable.Repeat("x", 3).Concat(new[] { "y" }).Reverse().Skip(1).Take(2)));
        Console.WriteLine(new[] { 1, 2, 3 }.SequenceEqual(new List<int> { 1, 2, 3 }) + " " + new[] { 1, 2 }.Union(new[] { 2, 3 }).Count() + " " + new[] { 1, 2 }.Intersect(new[] { 2, 3 }).Single());
        object[] mixed = { 1, "a", 2, null };
        Console.WriteLine(mixed.OfType<int>().Sum() + " " + mixed.OfType<string>().Count());
        try { new int[0].First(); } catch (InvalidOperationException) { Console.WriteLine("empty"); }
    }
}
