// Generic code over references, which instantiations share: a tree map with generic methods.
using System;

sealed class Key : IComparable<Key>
{
    public readonly int Number;
    public Key(int number) { Number = number; }
    public int CompareTo(Key other) { return Number.CompareTo(other.Number); }
}

sealed class Box<T> where T : class
{
    public T Value;
    public Box(T value) { Value = value; }
}

sealed class TreeMap<K, V> where K : class, IComparable<K> where V : class
{
    sealed class Node
    {
        public K Key;
        public V Value;
        public Node Left, Right;
    }

    Node root;
    public int Count;

    public V Find(K key)
    {
        Node at = root;
        while (at != null)
        {
            int order = key.CompareTo(at.Key);
            if (order == 0) return at.Value;
            at = order < 0 ? at.Left : at.Right;
        }
        return null;
    }

    public void Put(K key, V value)
    {
        Node node = new Node();
        node.Key = key;
        node.Value = value;
        Count++;
        if (root == null)
        {
            root = node;
            return;
        }
        Node at = root;
        while (true)
        {
            if (key.CompareTo(at.Key) < 0)
            {
                if (at.Left == null) { at.Left = node; return; }
                at = at.Left;
            }
            else
            {
                if (at.Right == null) { at.Right = node; return; }
                at = at.Right;
            }
        }
    }
}

static class GenericRef
{
    static T Or<T>(T a, T b) where T : class { return a ?? b; }

    static Box<T>[] Wrap<T>(T[] values) where T : class
    {
        Box<T>[] boxes = new Box<T>[values.Length];
        for (int i = 0; i < boxes.Length; i++) boxes[i] = new Box<T>(values[i]);
        return boxes;
    }

    static long Work()
    {
        Dice dice = new Dice(3);
        TreeMap<Key, string> map = new TreeMap<Key, string>();
        string[] names = { "one", "three", "eleven", "a hundred" };
        Key[] keys = new Key[10000];
        for (int i = 0; i < keys.Length; i++)
        {
            keys[i] = new Key(dice.Below(1000000));
            map.Put(keys[i], names[i & 3]);
        }
        long sum = map.Count;
        for (int round = 0; round < 4; round++)
        {
            for (int i = 0; i < keys.Length; i++) sum += Or(map.Find(new Key(keys[i].Number + (i & 1))), "").Length;
            foreach (Box<Key> box in Wrap(keys)) sum += box.Value.Number;
            foreach (Box<string> box in Wrap(names)) sum += box.Value.Length;
        }
        return sum;
    }

    static int Main() { return Bench.Run("genericref", Work); }
}
