// Classes, interfaces, generics, delegates, closures, iterators, statics. The exit code tells what came out.
using System;
using System.Collections;
using System.Collections.Generic;

interface IShape { int Area(); }
interface INamed<out T> { T Name { get; } }

abstract class Shape : IShape {
    protected int size;
    public static int Made;
    protected Shape(int size) { this.size = size; Made++; }
    public abstract int Area();
    public virtual int Twice() { return 2 * Area(); }
    internal int Size { get { return size; } }
}

class Square : Shape, INamed<string> {
    public Square(int size) : base(size) { }
    public override int Area() { return size * size; }
    string INamed<string>.Name { get { return "square"; } }
}

sealed class Block : Square, IComparable<Block> {
    readonly int depth;
    public Block(int size, int depth) : base(size) { this.depth = depth; }
    public override int Area() { return base.Area() + depth; }
    public int CompareTo(Block other) { return depth - other.depth; }
    ~Block() { Made--; }
}

class Box<T> where T : IComparable<T> {
    T[] items = new T[2];
    int count;
    static int boxes;
    public Box() { boxes++; }
    public void Add(T item) {
        if (count == items.Length) { T[] more = new T[count * 2]; Array.Copy(items, more, count); items = more; }
        items[count++] = item;
    }
    public T Greatest() {
        T best = items[0];
        for (int i = 1; i < count; i++) if (items[i].CompareTo(best) > 0) best = items[i];
        return best;
    }
    public R Fold<R>(R start, Func<R, T, R> step) {
        R value = start;
        foreach (T item in All()) value = step(value, item);
        return value;
    }
    IEnumerable<T> All() { for (int i = 0; i < count; i++) yield return items[i]; }
    public static int Boxes { get { return boxes; } }
}

struct Pair<A, B> { public A First; public B Second; public Pair(A a, B b) { First = a; Second = b; } }

delegate int Step(ref int value);

enum Color : byte { Red, Green = 5, Blue }

static class Program {
    [ThreadStatic] static int perThread;
    static readonly string Text = "text";
    static event Action<int> Changed;

    static int Increment(ref int value) { return ++value; }

    static T Pick<T>(bool first, T a, T b) { return first ? a : b; }

    static int Casts(object o) {
        if (o is Block) return 1;
        Square s = o as Square;
        if (s != null) return 2;
        if (o is Color) return (int)(Color)o;
        if (o is int) return (int)o;
        if (o is int[]) return ((int[])o).Length;
        try { return ((string)o).Length; } catch (InvalidCastException) { return 9; }
    }

    static int Main() {
        int total = 0;
        Shape[] shapes = { new Square(2), new Block(3, 4), new Square(1) };
        foreach (Shape s in shapes) total += s.Twice() + ((IShape)s).Area() + s.Size;
        INamed<object> named = (Square)shapes[1];
        total += ((string)named.Name).Length;
        Box<int> numbers = new Box<int>();
        Box<string> words = new Box<string>();
        for (int i = 0; i < 5; i++) { numbers.Add(i * 7 % 5); words.Add(Text.Substring(i % 3)); }
        total += numbers.Greatest() + words.Greatest().Length + Box<int>.Boxes;
        int captured = 3;
        total += numbers.Fold(captured, (a, b) => a + b * captured);
        total += words.Fold("", (a, b) => a + b).Length;
        Box<Block> blocks = new Box<Block>();
        blocks.Add(new Block(1, 2)); blocks.Add(new Block(2, 1));
        total += blocks.Greatest().Area();
        Step step = Increment;
        step += Increment;
        total += step(ref captured);
        Changed += n => { total += n; };
        Changed(11);
        perThread += captured;
        Pair<string, Pair<int, long>> pair = new Pair<string, Pair<int, long>>("a", new Pair<int, long>(1, 2L));
        total += pair.First.Length + pair.Second.First + (int)pair.Second.Second;
        object[] things = { shapes[0], shapes[1], Color.Blue, 4, new int[3], "abc", 1.5, null };
        foreach (object o in things) if (o != null) total += Casts(o);
        total += Pick(true, 1, 2) + Pick(false, "a", "bc").Length + Pick(true, pair, pair).Second.First;
        Func<Block, int> late = new Block(2, 3).CompareTo;
        total += late((Block)shapes[1]) + Shape.Made + perThread;
        int? maybe = total > 5 ? 3 : (int?)null;
        total += maybe ?? 1;
        total += typeof(Box<>).Name.Length;
        lock (shapes) total++;
        return total & 63;
    }
}
