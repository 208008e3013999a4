using System;

interface IShape
{
    int Area { get; }
    string Name { get; set; }
    void Scale(int factor);
}

interface INamed { string Name { get; } }
interface IBoth : IShape, INamed { int Extra(int x); }
interface ILeft { int Get(); }
interface IRight { int Get(); }
interface IIndexed { int this[int i] { get; set; } }

class Square : IShape
{
    int side;
    public Square(int side) { this.side = side; Name = "square"; }
    public int Area { get { return side * side; } }
    public string Name { get; set; }
    public void Scale(int factor) { side *= factor; }
}

class Explicit : ILeft, IRight
{
    int ILeft.Get() { return 1; }
    int IRight.Get() { return 2; }
    public int Get() { return 3; }
}

class Both : IBoth
{
    public int Area { get; private set; }
    string name = "both";
    string IShape.Name { get { return "shape " + name; } set { name = value; } }
    string INamed.Name { get { return "named " + name; } }
    public void Scale(int factor) { Area += factor; }
    public virtual int Extra(int x) { return x + 1; }
}

class MoreBoth : Both
{
    public override int Extra(int x) { return base.Extra(x) * 100; }
}

class Reimplemented : Both, INamed
{
    string INamed.Name { get { return "reimplemented"; } }
}

class Hidden { public int Get() { return 10; } }
class FromBase : Hidden, ILeft { }
class Virtual : ILeft { public virtual int Get() { return 20; } }
class Overridden : Virtual { public override int Get() { return 30; } }
class NewSlot : Virtual { public new int Get() { return 40; } }
class NewSlotAgain : Virtual, ILeft { public new int Get() { return 50; } }

class Table : IIndexed
{
    readonly int[] items = new int[4];
    public int this[int i] { get { return items[i & 3]; } set { items[i & 3] = value; } }
}

class InterfacesBasic
{
    static int TotalArea(params IShape[] shapes)
    {
        int total = 0;
        foreach (IShape s in shapes)
            total += s.Area;
        return total;
    }

    static void Main()
    {
        IShape square = new Square(3);
        Console.WriteLine(square.Area + " " + square.Name);
        square.Scale(2);
        square.Name = "big " + square.Name;
        Console.WriteLine(square.Area + " " + square.Name);

        var e = new Explicit();
        Console.WriteLine(e.Get() + " " + ((ILeft)e).Get() + " " + ((IRight)e).Get());

        foreach (IBoth both in new IBoth[] { new Both(), new MoreBoth(), new Reimplemented() })
        {
            both.Scale(5);
            Console.WriteLine(((IShape)both).Name + " | " + ((INamed)both).Name + " | " + both.Area + " | " + both.Extra(6));
            ((IShape)both).Name = "renamed";
            Console.WriteLine(((INamed)both).Name);
        }
        Console.WriteLine(TotalArea(square, new Both(), new Square(5)));

        foreach (ILeft left in new ILeft[] { new FromBase(), new Virtual(), new Overridden(), new NewSlot(), new NewSlotAgain(), e })
            Console.WriteLine(left.Get());

        IIndexed table = new Table();
        for (int i = 0; i < 8; i++)
            table[i] += i * 10;
        Console.WriteLine(table[0] + " " + table[1] + " " + table[2] + " " + table[3]);
        table[1]++;
        Console.WriteLine(table[5]);

        object[] objects = { square, e, new MoreBoth(), new FromBase(), table, "text", null };
        foreach (object o in objects)
        {
            string text = "";
            text += o is IShape ? "S" : "-";
            text += o is INamed ? "N" : "-";
            text += o is IBoth ? "B" : "-";
            text += o is ILeft ? "L" : "-";
            text += o is IIndexed ? "I" : "-";
            var comparable = o as IComparable;
            text += comparable != null ? "C" : "-";
            Console.WriteLine(text);
            try { Console.WriteLine(((ILeft)o).Get()); }
            catch (InvalidCastException) { Console.WriteLine("no ILeft"); }
            catch (NullReferenceException) { Console.WriteLine("null"); }
        }
    }
}
