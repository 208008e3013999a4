using System;

class Tree
{
    Tree left, right;
    readonly int item;

    Tree(int item) { this.item = item; }

    public static Tree Make(int item, int depth)
    {
        var t = new Tree(item);
        if (depth > 0)
        {
            t.left = Make(2 * item - 1, depth - 1);
            t.right = Make(2 * item, depth - 1);
        }
        return t;
    }

    public int Check() { return left == null ? item : item + left.Check() - right.Check(); }
    public int Count() { return left == null ? 1 : 1 + left.Count() + right.Count(); }
}

// A treap whose nodes are made anew along each path, as functional programs do.
sealed class Treap
{
    readonly Treap left, right;
    readonly int key;
    readonly uint priority;

    Treap(Treap left, int key, uint priority, Treap right)
    {
        this.left = left;
        this.key = key;
        this.priority = priority;
        this.right = right;
    }

    public static Treap Insert(Treap t, int key, uint priority)
    {
        if (t == null) return new Treap(null, key, priority, null);
        if (key == t.key) return t;
        if (key < t.key)
        {
            Treap l = Insert(t.left, key, priority);
            if (l.priority > t.priority) return new Treap(l.left, l.key, l.priority, new Treap(l.right, t.key, t.priority, t.right));
            return new Treap(l, t.key, t.priority, t.right);
        }
        Treap r = Insert(t.right, key, priority);
        if (r.priority > t.priority) return new Treap(new Treap(t.left, t.key, t.priority, r.left), r.key, r.priority, r.right);
        return new Treap(t.left, t.key, t.priority, r);
    }

    public static Treap Delete(Treap t, int key)
    {
        if (t == null) return null;
        if (key < t.key) return new Treap(Delete(t.left, key), t.key, t.priority, t.right);
        if (key > t.key) return new Treap(t.left, t.key, t.priority, Delete(t.right, key));
        return Merge(t.left, t.right);
    }

    static Treap Merge(Treap a, Treap b)
    {
        if (a == null) return b;
        if (b == null) return a;
        return a.priority > b.priority ? new Treap(a.left, a.key, a.priority, Merge(a.right, b)) : new Treap(Merge(a, b.left), b.key, b.priority, b.right);
    }

    public static int Size(Treap t) { return t == null ? 0 : 1 + Size(t.left) + Size(t.right); }
    public static int Hash(Treap t, int h) { return t == null ? h : Hash(t.right, Hash(t.left, h) * 31 + t.key); }
}

class GcTrees
{
    static void Main()
    {
        const int maximum = 10;
        Console.WriteLine("stretch " + Tree.Make(0, maximum + 1).Check());
        Tree longLived = Tree.Make(0, maximum);
        for (int depth = 4; depth <= maximum; depth += 2)
        {
            int rounds = 1 << (maximum - depth + 3), check = 0;
            for (int i = 1; i <= rounds; i++)
                check += Tree.Make(i, depth).Check() + Tree.Make(-i, depth).Check();
            Console.WriteLine(rounds * 2 + " trees of depth " + depth + " check " + check);
        }
        Console.WriteLine("long lived " + longLived.Check() + " " + longLived.Count());

        Treap treap = null, old = null;
        uint random = 12345;
        for (int i = 0; i < 2000; i++)
        {
            random = random * 1664525 + 1013904223;
            treap = Treap.Insert(treap, (int)(random >> 20), random);
            if (i == 1000) old = treap;
            if (i % 3 == 0) treap = Treap.Delete(treap, (int)(random >> 8 & 4095));
        }
        Console.WriteLine(Treap.Size(treap) + " " + Treap.Hash(treap, 7));
        Console.WriteLine(Treap.Size(old) + " " + Treap.Hash(old, 7));
    }
}
