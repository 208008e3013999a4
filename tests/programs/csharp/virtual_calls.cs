using System;

abstract class Node
{
    public abstract long Evaluate(long x);
    public virtual string Show() { return "?"; }
    public string Twice() { return Show() + Show(); }
}

sealed class Constant : Node
{
    readonly long value;
    public Constant(long value) { this.value = value; }
    public override long Evaluate(long x) { return value; }
    public override string Show() { return value.ToString(); }
}

sealed class Variable : Node
{
    public override long Evaluate(long x) { return x; }
    public override string Show() { return "x"; }
}

abstract class BinaryNode : Node
{
    protected readonly Node left, right;
    protected BinaryNode(Node left, Node right) { this.left = left; this.right = right; }
    protected abstract string Operator { get; }
    public override string Show() { return "(" + left.Show() + Operator + right.Show() + ")"; }
}

class Sum : BinaryNode
{
    public Sum(Node left, Node right) : base(left, right) { }
    protected override string Operator { get { return "+"; } }
    public override long Evaluate(long x) { return left.Evaluate(x) + right.Evaluate(x); }
}

class Product : BinaryNode
{
    public Product(Node left, Node right) : base(left, right) { }
    protected override string Operator { get { return "*"; } }
    public override long Evaluate(long x) { return left.Evaluate(x) * right.Evaluate(x); }
}

class LoudSum : Sum
{
    public int Calls;
    public LoudSum(Node left, Node right) : base(left, right) { }
    protected override string Operator { get { return " plus" + base.Operator; } }
    public override long Evaluate(long x) { Calls++; return base.Evaluate(x) + 1000; }
    public override string Show() { return "!" + base.Show(); }
}

// Hiding, and a new slot that is overridden further down.
class A
{
    public virtual string F() { return "A.F"; }
    public string G() { return "A.G"; }
    public virtual string H() { return "A.H"; }
}

class B : A
{
    public new virtual string F() { return "B.F"; }
    public new string G() { return "B.G"; }
    public override string H() { return "B.H>" + base.H(); }
}

class C : B
{
    public override string F() { return "C.F>" + base.F(); }
    public sealed override string H() { return "C.H>" + base.H(); }
}

class D : C
{
    public new string H() { return "D.H"; }
    public override string ToString() { return "D as text"; }
    public override bool Equals(object other) { return other is D; }
    public override int GetHashCode() { return 77; }
}

class Parent
{
    public string Log = "";
    public Parent() { Log += "parent;"; Hook(); }
    protected virtual void Hook() { Log += "parent hook;"; }
}

class Child : Parent
{
    string own = "initialized;";
    public Child() { Log += "child:" + own; Hook(); }
    protected override void Hook() { Log += "child hook with " + (own ?? "nothing;"); base.Hook(); }
}

class VirtualCalls
{
    static void Main()
    {
        var loud = new LoudSum(new Variable(), new Constant(1));
        Node[] nodes =
        {
            new Constant(-5), new Variable(), new Sum(new Variable(), new Constant(3)),
            new Product(new Sum(new Variable(), new Constant(1)), new Variable()), loud, new Product(loud, loud)
        };
        foreach (Node node in nodes)
            Console.WriteLine(node.Show() + " = " + node.Evaluate(10) + " " + node.Twice().Length);
        Console.WriteLine(loud.Calls);

        A[] things = { new A(), new B(), new C(), new D() };
        foreach (A a in things)
            Console.WriteLine(a.F() + " " + a.G() + " " + a.H());
        for (int i = 1; i < things.Length; i++)
        {
            B b = (B)things[i];
            Console.WriteLine(b.F() + " " + b.G() + " " + b.H());
        }
        D d = (D)things[3];
        Console.WriteLine(d.F() + " " + d.G() + " " + d.H() + " " + d);
        object o = d;
        Console.WriteLine(o.ToString() + " " + o.Equals(new D()) + " " + o.Equals("x") + " " + o.GetHashCode());
        Console.WriteLine(new Parent().Log);
        Console.WriteLine(new Child().Log);

        long total = 0;
        for (int i = 0; i < 3000; i++)
            total += nodes[i % nodes.Length].Evaluate(i);
        Console.WriteLine(total);
        Node none = null;
        try { none.Show(); }
        catch (NullReferenceException) { Console.WriteLine("null node"); }
    }
}
