// Interface calls that meet many classes, which implement several interfaces.
interface IShape { int Area(); }
interface IScalable { void Scale(int by); }
interface INamed { char Initial(); }

sealed class Square : IShape, IScalable, INamed
{
    int side = 2;
    public int Area() { return side * side; }
    public void Scale(int by) { side = (side + by) & 15; }
    public char Initial() { return 's'; }
}

sealed class Oblong : INamed, IScalable, IShape
{
    int width = 2, height = 3;
    public int Area() { return width * height; }
    public void Scale(int by) { width = (width + by) & 15; }
    public char Initial() { return 'o'; }
}

sealed class Triangle : IScalable, IShape, INamed
{
    int side = 4, height = 3;
    public int Area() { return side * height / 2; }
    public void Scale(int by) { height = (height + by) & 15; }
    public char Initial() { return 't'; }
}

sealed class Circle : IShape, INamed, IScalable
{
    int radius = 3;
    public int Area() { return 3 * radius * radius; }
    public void Scale(int by) { radius = (radius + by) & 15; }
    public char Initial() { return 'c'; }
}

sealed class Dot : IShape, INamed, IScalable
{
    public int Area() { return 0; }
    public void Scale(int by) { }
    public char Initial() { return 'd'; }
}

sealed class Hexagon : INamed, IShape, IScalable
{
    int side = 1;
    public int Area() { return 26 * side * side / 10; }
    public void Scale(int by) { side = (side + by) & 15; }
    public char Initial() { return 'h'; }
}

static class Interfaces
{
    static IShape Make(int kind)
    {
        switch (kind)
        {
            case 0: return new Square();
            case 1: return new Oblong();
            case 2: return new Triangle();
            case 3: return new Circle();
            case 4: return new Dot();
            default: return new Hexagon();
        }
    }

    static long Work()
    {
        Dice dice = new Dice(9);
        IShape[] shapes = new IShape[1000];
        for (int i = 0; i < shapes.Length; i++) shapes[i] = Make(dice.Below(6));
        long sum = 0;
        for (int round = 0; round < 600; round++)
        {
            foreach (IShape shape in shapes) sum += shape.Area();
            foreach (IShape shape in shapes)
            {
                ((IScalable)shape).Scale(round);
                sum += ((INamed)shape).Initial();
            }
        }
        return sum;
    }

    static int Main() { return Bench.Run("interfaces", Work); }
}
