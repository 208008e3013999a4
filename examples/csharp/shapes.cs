// Generics over references and values, interfaces, virtual calls, structs, delegates and boxing.
using System;

interface IShape : IComparable<IShape>
{
    string Name { get; }
    long Area { get; }
}

abstract class Shape : IShape
{
    public abstract string Name { get; }
    public abstract long Area { get; }
    public int CompareTo(IShape other) { return Area.CompareTo(other.Area); }
    public override string ToString() { return Name + " of area " + Area; }
}

sealed class Square : Shape
{
    readonly int side;
    public Square(int side) { this.side = side; }
    public override string Name { get { return "square"; } }
    public override long Area { get { return (long)side * side; } }
}

class Rectangle : Shape
{
    protected readonly int width, height;
    public Rectangle(int width, int height) { this.width = width; this.height = height; }
    public override string Name { get { return "rectangle"; } }
    public override long Area { get { return (long)width * height; } }
}

class Triangle : Rectangle
{
    public Triangle(int b, int height) : base(b, height) { }
    public override string Name { get { return "triangle"; } }
    public override long Area { get { return base.Area / 2; } }
}

struct Money : IComparable<Money>
{
    public readonly int Cents;
    public Money(int cents) { Cents = cents; }
    public int CompareTo(Money other) { return Cents - other.Cents; }
    public override string ToString() { return Cents / 100 + "." + Cents % 100 / 10 + Cents % 10; }
}

// One binary tree for every type that can be compared.
class Tree<T> where T : IComparable<T>
{
    class Node { public T Value; public Node Left, Right; }

    Node root;
    public int Count { get; private set; }

    public Tree<T> Add(T value)
    {
        root = Insert(root, value);
        Count++;
        return this;
    }

    static Node Insert(Node node, T value)
    {
        if (node == null)
            return new Node { Value = value };
        if (value.CompareTo(node.Value) < 0)
            node.Left = Insert(node.Left, value);
        else
            node.Right = Insert(node.Right, value);
        return node;
    }

    public R Fold<R>(R seed, Func<R, T, R> f) { return Fold(root, seed, f); }

    static R Fold<R>(Node node, R seed, Func<R, T, R> f)
    {
        return node == null ? seed : Fold(node.Right, f(Fold(node.Left, seed, f), node.Value), f);
    }

    public override string ToString() { return Fold("", (text, value) => text + (text == "" ? "" : ", ") + value); }
}

class Shapes
{
    static void Main()
    {
        var shapes = new Tree<IShape>();
        shapes.Add(new Square(5)).Add(new Rectangle(3, 4)).Add(new Triangle(10, 8)).Add(new Square(1));
        Console.WriteLine("shapes by area: " + shapes);
        Console.WriteLine("total area: " + shapes.Fold(0L, (sum, shape) => sum + shape.Area));

        var prices = new Tree<Money>();
        foreach (int cents in new int[] { 1999, 5, 45000, 250 })
            prices.Add(new Money(cents));
        Console.WriteLine("prices: " + prices);

        var numbers = new Tree<int>();
        for (int i = 0, x = 1; i < 20000; i++, x = x * 1103515245 + 12345)
            numbers.Add(x >> 4);
        int sorted = numbers.Fold(int.MinValue, (last, x) => x >= last ? x : int.MaxValue);
        Console.WriteLine(numbers.Count + " numbers in a tree, in order: " + (sorted != int.MaxValue));

        object[] mixed = { 1, "two", new Money(300), new Square(2), 'c', null };
        foreach (object o in mixed)
            Console.WriteLine("  " + (o ?? "null") + (o is IShape ? " is a shape" : o is ValueType ? " is a boxed value" : ""));
    }
}
