using System;
using System.Collections;
using System.Collections.Generic;

class LateCollections
{
    static void Main()
    {
        var list = new List<int> { 5, 3, 9, 1 };
        list.Add(7);
        list.Insert(1, 100);
        list.Sort();
        Console.WriteLine(string.Join(",", list) + " " + list.BinarySearch(9) + " " + list.IndexOf(100) + " " + list.Contains(4));
        list.RemoveAll(x => x > 8);
        list.Reverse();
        Console.WriteLine(string.Join(",", list.ConvertAll(x => "n" + x)));
        try { foreach (int x in list) list.Add(x); }
        catch (InvalidOperationException) { Console.WriteLine("changed"); }
        var dictionary = new Dictionary<string, int>();
        foreach (string w in "a b c a b a".Split(' ')) { int n; dictionary.TryGetValue(w, out n); dictionary[w] = n + 1; }
        foreach (KeyValuePair<string, int> p in dictionary) Console.WriteLine(p.Key + "=" + p.Value);
        try { Console.WriteLine(dictionary["zz"]); }
        catch (KeyNotFoundException) { Console.WriteLine("not found"); }
        var byLong = new Dictionary<long, List<string>>();
        for (long i = 0; i < 100; i++) { if (!byLong.ContainsKey(i % 7)) byLong[i % 7] = new List<string>(); byLong[i % 7].Add("x" + i); }
        Console.WriteLine(byLong[3].Count + " " + byLong[3][5]);
        var set = new HashSet<char>("hello world");
        set.ExceptWith("lo");
        Console.WriteLine(set.Count + " " + set.Contains('h') + " " + set.Contains('l'));
        var sorted = new SortedDictionary<string, int> { { "pear", 1 }, { "apple", 2 }, { "fig", 3 } };
        foreach (var p in sorted) Console.WriteLine(p.Key);
        var queue = new Queue<int>(new int[] { 1, 2, 3 });
        queue.Enqueue(4);
        var stack = new Stack<string>();
        stack.Push("x");
        stack.Push("y");
        Console.WriteLine(queue.Dequeue() + " " + queue.Count + " " + stack.Pop() + stack.Peek());
        var linked = new LinkedList<int>();
        linked.AddLast(1);
        linked.AddFirst(0);
        linked.AddAfter(linked.First, 5);
        foreach (int x in linked) Console.WriteLine(x);
        var hashtable = new Hashtable { { 1, "one" }, { "two", 2 } };
        Console.WriteLine(hashtable[1] + " " + hashtable["two"] + " " + hashtable[3]);
        var array = new ArrayList { 1, "x", null };
        Console.WriteLine(array.Count + " " + array.Contains("x"));
        string[] words = { "delta", "Alpha", "charlie", "bravo" };
        Array.Sort(words, StringComparer.Ordinal);
        Console.WriteLine(string.Join(" ", words));
        int[] keys = { 3, 1, 2 };
        string[] items = { "c", "a", "b" };
        Array.Sort(keys, items);
        Console.WriteLine(string.Join("", items) + " " + Array.BinarySearch(keys, 2) + " " + Array.FindIndex(keys, x => x > 1));
        var big = new int[5000];
        for (int i = 0; i < big.Length; i++) big[i] = i * 7919 % 5003;
        Array.Sort(big);
        Console.WriteLine(big[0] + " " + big[2500] + " " + big[4999]);
        Console.WriteLine(Tuple.Create(1, "two") + " " + new KeyValuePair<int, int>(1, 2));
    }
}
