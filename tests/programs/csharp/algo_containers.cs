//! flags: -optimize+
using System;

// Hash map, priority queue, linked deque and union-find of our own: generics in daily use.
class Map<K, V> where K : IEquatable<K>
{
    struct Entry { public int Hash, Next; public K Key; public V Value; }
    int[] buckets = new int[4];
    Entry[] entries = new Entry[4];
    int count;
    public int Count { get { return count; } }

    int Find(K key, int hash)
    {
        for (int i = buckets[hash & (buckets.Length - 1)] - 1; i >= 0; i = entries[i].Next)
            if (entries[i].Hash == hash && entries[i].Key.Equals(key))
                return i;
        return -1;
    }

    public V this[K key]
    {
        get
        {
            int i = Find(key, key.GetHashCode());
            if (i < 0) throw new MissingKey<K>(key);
            return entries[i].Value;
        }
        set
        {
            int hash = key.GetHashCode(), i = Find(key, hash);
            if (i >= 0) { entries[i].Value = value; return; }
            if (count == entries.Length) Grow();
            entries[count] = new Entry { Hash = hash, Key = key, Value = value };
            Link(count++);
        }
    }

    void Link(int i)
    {
        int b = entries[i].Hash & (buckets.Length - 1);
        entries[i].Next = buckets[b] - 1;
        buckets[b] = i + 1;
    }

    void Grow()
    {
        var larger = new Entry[count * 2];
        Array.Copy(entries, larger, count);
        entries = larger;
        buckets = new int[count * 2];
        for (int i = 0; i < count; i++) Link(i);
    }

    public bool Contains(K key) { return Find(key, key.GetHashCode()) >= 0; }
    public void Each(Action<K, V> action) { for (int i = 0; i < count; i++) action(entries[i].Key, entries[i].Value); }
}

class MissingKey<K> : Exception
{
    public readonly K Key;
    public MissingKey(K key) : base("no key " + key) { Key = key; }
}

class Heap<T>
{
    T[] items = new T[2];
    int count;
    readonly Func<T, T, bool> less;
    public Heap(Func<T, T, bool> less) { this.less = less; }
    public int Count { get { return count; } }

    public void Push(T x)
    {
        if (count == items.Length) Array.Resize(ref items, count * 2);
        int i = count++;
        for (; i > 0 && less(x, items[(i - 1) / 2]); i = (i - 1) / 2) items[i] = items[(i - 1) / 2];
        items[i] = x;
    }

    public T Pop()
    {
        T top = items[0], x = items[--count];
        int i = 0;
        for (int c; (c = 2 * i + 1) < count; i = c)
        {
            if (c + 1 < count && less(items[c + 1], items[c])) c++;
            if (!less(items[c], x)) break;
            items[i] = items[c];
        }
        items[i] = x;
        return top;
    }
}

class Deque<T>
{
    class Node { public T Value; public Node Before, After; }
    Node first, last;
    public void PushBack(T x) { var n = new Node { Value = x, Before = last }; if (last == null) first = n; else last.After = n; last = n; }
    public void PushFront(T x) { var n = new Node { Value = x, After = first }; if (first == null) last = n; else first.Before = n; first = n; }
    public T PopFront() { T x = first.Value; first = first.After; if (first == null) last = null; else first.Before = null; return x; }
    public T PopBack() { T x = last.Value; last = last.Before; if (last == null) first = null; else last.After = null; return x; }
    public bool Empty { get { return first == null; } }
}

struct Edge { public int To, Cost; public Edge(int to, int cost) { To = to; Cost = cost; } }

class AlgoContainers
{
    static int[] Dijkstra(Edge[][] graph, int from)
    {
        var distance = new int[graph.Length];
        for (int i = 0; i < distance.Length; i++) distance[i] = int.MaxValue;
        distance[from] = 0;
        var heap = new Heap<Edge>((a, b) => a.Cost < b.Cost);
        heap.Push(new Edge(from, 0));
        while (heap.Count > 0)
        {
            Edge e = heap.Pop();
            if (e.Cost > distance[e.To]) continue;
            foreach (Edge next in graph[e.To])
                if (e.Cost + next.Cost < distance[next.To])
                {
                    distance[next.To] = e.Cost + next.Cost;
                    heap.Push(new Edge(next.To, distance[next.To]));
                }
        }
        return distance;
    }

    static int Root(int[] parent, int x) { return parent[x] == x ? x : parent[x] = Root(parent, parent[x]); }

    static void Main()
    {
        var numbers = new Map<int, string>();
        for (int i = 0; i < 300; i++) numbers[i * 7919 % 1000] = "v" + i;
        numbers[0] += "!";
        Console.WriteLine(numbers.Count + " " + numbers[0] + " " + numbers[919] + " " + numbers.Contains(5000));
        try { Console.WriteLine(numbers[-5]); }
        catch (MissingKey<int> e) { Console.WriteLine(e.Message + " " + e.Key); }

        var words = new Map<string, int>();
        foreach (string w in "the cat and the dog and the bird saw the cat".Split(' '))
            words[w] = words.Contains(w) ? words[w] + 1 : 1;
        words.Each((k, v) => Console.WriteLine(k + " " + v));
        try { Console.WriteLine(words["fish"]); }
        catch (MissingKey<string> e) { Console.WriteLine(e.Message); }

        var heap = new Heap<string>((a, b) => string.CompareOrdinal(a, b) < 0);
        foreach (string w in new string[] { "pear", "fig", "apple", "kiwi", "date", "lime" }) heap.Push(w);
        string all = "";
        while (heap.Count > 0) all += heap.Pop() + " ";
        Console.WriteLine(all);
        var longs = new Heap<long>((a, b) => a > b);
        uint random = 1;
        for (int i = 0; i < 1000; i++) { random = random * 69069 + 1; longs.Push(random); }
        long previous = long.MaxValue, hash = 0;
        bool sorted = true;
        while (longs.Count > 0) { long x = longs.Pop(); sorted &= x <= previous; previous = x; hash = hash * 31 + x; }
        Console.WriteLine(sorted + " " + hash);

        var deque = new Deque<int>();
        for (int i = 0; i < 10; i++) if (i % 3 == 0) deque.PushFront(i); else deque.PushBack(i);
        string order = "";
        for (int i = 0; !deque.Empty; i++) order += (i % 2 == 0 ? deque.PopFront() : deque.PopBack()) + " ";
        Console.WriteLine(order);

        var graph = new Edge[50][];
        for (int i = 0; i < 50; i++) graph[i] = new Edge[] { new Edge((i * 7 + 3) % 50, i % 13 + 1), new Edge((i + 1) % 50, 10), new Edge(i * i % 50, 17) };
        int[] d = Dijkstra(graph, 0);
        int total = 0;
        foreach (int x in d) total = total * 3 + x;
        Console.WriteLine(d[49] + " " + d[25] + " " + total);
        var parent = new int[100];
        for (int i = 0; i < 100; i++) parent[i] = i;
        int sets = 100;
        for (int i = 0; i < 100; i++)
        {
            int a = Root(parent, i), b = Root(parent, i * i % 100);
            if (a != b) { parent[a] = b; sets--; }
        }
        Console.WriteLine(sets);
    }
}
